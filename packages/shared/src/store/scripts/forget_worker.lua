-- Removes a dead worker whose sessions were all placed anew.
-- KEYS  1 deadlines  2 info  3 active sessions of the worker
-- ARGV  1 worker
-- RETURNS {'forgotten'} | {'alive'}
-- INVARIANT a worker that came back meanwhile is left alone.
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
if tonumber(redis.call('ZSCORE', KEYS[1], ARGV[1]) or 0) > now then return {'alive'} end
redis.call('ZREM', KEYS[1], ARGV[1])
redis.call('HDEL', KEYS[2], ARGV[1])
redis.call('DEL', KEYS[3])
return {'forgotten'}
