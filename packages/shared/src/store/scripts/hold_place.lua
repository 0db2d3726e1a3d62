-- Counts one more open connection of a user, unless there are as many as may be. A place that nobody renews is free again.
-- KEYS  1 places of the user
-- ARGV  1 connection  2 life of a place (ms)  3 most places
-- RETURNS {'held'} | {'full'}
-- INVARIANT never more living places than allowed, over all gateways.
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', string.format('%.0f', now))
if not redis.call('ZSCORE', KEYS[1], ARGV[1]) and redis.call('ZCARD', KEYS[1]) >= tonumber(ARGV[3]) then
  return {'full'}
end
redis.call('ZADD', KEYS[1], string.format('%.0f', now + tonumber(ARGV[2])), ARGV[1])
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return {'held'}
