-- Gives a user a role in a session, or takes it away.
-- KEYS  1 meta  2 roles
-- ARGV  1 owner user  2 the user meant  3 role ('' = none any more)  4 most users that have a role
-- RETURNS {'changed'} | {'unchanged'} | {'full'} | {'not_found'}
-- INVARIANT only the session's owner changes roles, and never while the session is being deleted.
local meta = redis.call('HMGET', KEYS[1], 'user', 'deleting')
if not meta[1] or meta[1] ~= ARGV[1] or meta[2] then return {'not_found'} end
if ARGV[3] == '' then
  return {redis.call('HDEL', KEYS[2], ARGV[2]) == 1 and 'changed' or 'unchanged'}
end
local before = redis.call('HGET', KEYS[2], ARGV[2])
if before == ARGV[3] then return {'unchanged'} end
if not before and redis.call('HLEN', KEYS[2]) >= tonumber(ARGV[4]) then return {'full'} end
redis.call('HSET', KEYS[2], ARGV[2], ARGV[3])
return {'changed'}
