-- Asks a session's owner to delete it, if nobody has used the session for long.
-- KEYS  1 meta  2 inbox  3 doorbell channel  4 live channel
-- ARGV  1 idle since before this time (ms)  2 the delete command as JSON
-- RETURNS {'accepted', owner worker, owner incarnation} | {'in_use'} | {'not_found'}
-- INVARIANT a session with a turn, a prompt that waits or an unread command is in use; the command is stored in the
--           same step, so nobody can begin to use the session in between.
local meta = redis.call('HMGET', KEYS[1],
  'status', 'updatedAt', 'inboxHead', 'inboxAcked', 'deleting', 'owner', 'inc')
if not meta[1] or meta[5] then return {'not_found'} end
if meta[1] ~= 'idle' or meta[3] ~= meta[4] or tonumber(meta[2]) >= tonumber(ARGV[1]) then return {'in_use'} end
local seq = tonumber(meta[3]) + 1
redis.call('XADD', KEYS[2], seq .. '-0', 'c', ARGV[2])
redis.call('HSET', KEYS[1], 'inboxHead', seq, 'deleting', 1)
-- Not a message of events: whoever follows the session looks at it again and finds that it is gone.
redis.call('SPUBLISH', KEYS[4], '')
redis.call('SPUBLISH', KEYS[3], seq)
return {'accepted', meta[6], meta[7]}
