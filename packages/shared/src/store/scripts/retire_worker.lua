-- Ends a worker's lease at once, and its term as the reaper. What it had to do stays noted, for the next reaper.
-- KEYS  1 deadlines  2 info  3 office of the reaper
-- ARGV  1 worker  2 incarnation
-- RETURNS {'retired'} | {'not_held'}
-- INVARIANT only that incarnation's lease and term are ended.
local held = redis.call('HGET', KEYS[2], ARGV[1])
if not held or string.match(held, '^([^\n]*)\n') ~= ARGV[2] then return {'not_held'} end
redis.call('ZADD', KEYS[1], 0, ARGV[1])
redis.call('HDEL', KEYS[2], ARGV[1])
if redis.call('GET', KEYS[3]) == ARGV[1] .. '/' .. ARGV[2] then redis.call('DEL', KEYS[3]) end
return {'retired'}
