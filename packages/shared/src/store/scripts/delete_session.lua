-- Removes everything a session has in Redis. Called by its owner, after the child is gone.
-- KEYS  1 meta  2… the session's other keys
-- ARGV  1 fence  2 incarnation
-- RETURNS {'deleted'} | {'fenced'} | {'not_found'}
-- INVARIANT only the owner deletes, so nothing writes to the session afterwards.
local meta = redis.call('HMGET', KEYS[1], 'fence', 'inc')
if not meta[1] then return {'not_found'} end
if meta[1] ~= ARGV[1] or meta[2] ~= ARGV[2] then return {'fenced'} end
redis.call('UNLINK', unpack(KEYS))
return {'deleted'}
