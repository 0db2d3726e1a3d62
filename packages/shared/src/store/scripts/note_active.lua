-- Tells whether one incarnation of a worker is alive and, if so, notes that a session of it has something to do:
-- if the worker dies, the reaper finds the session there.
-- KEYS  1 deadlines  2 info  3 active sessions of the worker
-- ARGV  1 worker  2 incarnation  3 session id ('' = only tell)
-- RETURNS 1 | 0
-- INVARIANT only a living worker's set grows, so a set that was reaped stays gone.
local held = redis.call('HGET', KEYS[2], ARGV[1])
if not held or string.match(held, '^([^\n]*)\n') ~= ARGV[2] then return 0 end
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
if tonumber(redis.call('ZSCORE', KEYS[1], ARGV[1]) or 0) <= now then return 0 end
if ARGV[3] ~= '' then redis.call('SADD', KEYS[3], ARGV[3]) end
return 1
