-- Tells a living worker of a session that it had before and that has a command now.
-- KEYS  1 deadlines  2 doorbell channel of the worker
-- ARGV  1 worker  2 session id
-- RETURNS 1 | 0 = it is dead, or it does not listen (it is starting, or about to stop)
-- INVARIANT stores nothing: whether the worker takes the session is decided by its claim.
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
if tonumber(redis.call('ZSCORE', KEYS[1], ARGV[1]) or 0) <= now then return 0 end
if redis.call('SPUBLISH', KEYS[2], ARGV[2]) == 0 then return 0 end
return 1
