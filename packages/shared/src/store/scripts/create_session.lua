-- Creates a session with its first event (session_created, offset 1, fence 0).
-- KEYS  1 meta  2 events  3 history
-- ARGV  1 epoch  2 user id  3 cwd  4 title ('' = none)  5 settings as JSON  6 first frame  7 time of creation (ms)
-- RETURNS {'created'} | {'exists', user id}
-- INVARIANT a session is created once: a repeat changes nothing.
local user = redis.call('HGET', KEYS[1], 'user')
if user then return {'exists', user} end
redis.call('HSET', KEYS[1],
  'v', 1, 'user', ARGV[2], 'epoch', ARGV[1], 'head', 1, 'fence', 0, 'owner', '', 'inc', '', 'runId', '',
  'inboxHead', 0, 'inboxAcked', 0, 'status', 'idle', 'turn', '',
  'cwd', ARGV[3], 'title', ARGV[4], 'settings', ARGV[5], 'createdAt', ARGV[7], 'updatedAt', ARGV[7])
redis.call('XADD', KEYS[2], '1-0', 'f', ARGV[6])
redis.call('XADD', KEYS[3], '1-0', 'f', ARGV[6])
return {'created'}
