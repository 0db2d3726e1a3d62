-- Tells whether one incarnation of a worker is alive.
-- KEYS  1 deadlines  2 info
-- ARGV  1 worker  2 incarnation
-- RETURNS 1 | 0
local held = redis.call('HGET', KEYS[2], ARGV[1])
if not held or string.match(held, '^([^\n]*)\n') ~= ARGV[2] then return 0 end
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
return tonumber(redis.call('ZSCORE', KEYS[1], ARGV[1]) or 0) > now and 1 or 0
