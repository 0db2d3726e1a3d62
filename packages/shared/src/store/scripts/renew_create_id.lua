-- Lets a createId stand for another session, after the one that it made was deleted.
-- KEYS  1 createId of a user
-- ARGV  1 the deleted session  2 a fresh session id  3 life (s)
-- RETURNS the session id that the createId stands for now
-- INVARIANT of several who find the session deleted one gives the new id, and all get it.
local held = redis.call('GET', KEYS[1])
if held and held ~= ARGV[1] then return held end
redis.call('SET', KEYS[1], ARGV[2], 'EX', ARGV[3])
return ARGV[2]
