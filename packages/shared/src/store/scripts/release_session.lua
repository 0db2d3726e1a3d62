-- Gives a session up.
-- KEYS  1 meta
-- ARGV  1 fence  2 incarnation
-- RETURNS {'released'} | {'fenced'}
-- INVARIANT only the owner itself releases; the fence stays, so the next claim is above it. Who owned the session
--           last stays known: it is asked first when the session has a command again.
local meta = redis.call('HMGET', KEYS[1], 'fence', 'inc', 'owner')
if meta[1] ~= ARGV[1] or meta[2] ~= ARGV[2] then return {'fenced'} end
redis.call('HSET', KEYS[1], 'owner', '', 'inc', '', 'last', meta[3])
return {'released'}
