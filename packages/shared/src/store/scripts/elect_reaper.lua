-- Takes or keeps the reaper's office, and names the workers whose lease is over.
-- KEYS  1 office  2 deadlines
-- ARGV  1 candidate  2 term (ms)  3 the longest that a lease may last from now on (ms; 0 = not checked)
-- RETURNS {'elected', dead worker…} | {'other'}
-- A deadline further ahead was set before the clock of this server was put back: it is brought to where it may be.
-- INVARIANT one reaper at a time, up to clock resolution: two would only place the same sessions twice.
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] then return {'other'} end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
if tonumber(ARGV[3]) > 0 then
  local latest = string.format('%.0f', now + tonumber(ARGV[3]))
  for _, worker in ipairs(redis.call('ZRANGEBYSCORE', KEYS[2], '(' .. latest, '+inf')) do
    redis.call('ZADD', KEYS[2], latest, worker)
  end
end
local out = {'elected'}
for _, worker in ipairs(redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', string.format('%.0f', now))) do
  out[#out + 1] = worker
end
return out
