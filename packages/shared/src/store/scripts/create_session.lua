-- Creates a session with its first event (session_created, offset 1, fence 0).
-- KEYS  1 meta  2 events  3 history  4 tombstones of the partition
-- ARGV  1 epoch  2 user id  3 cwd  4 title ('' = none)  5 settings as JSON  6 first frame  7 time of creation (ms)
--       8 session
-- RETURNS {'created'} | {'exists', user id} | {'gone'}
-- INVARIANT a session is created once: a repeat changes nothing, also after it was deleted (gone).
local meta = redis.call('HMGET', KEYS[1], 'user', 'deleting')
if meta[2] or redis.call('ZSCORE', KEYS[4], ARGV[8]) then return {'gone'} end
if meta[1] then return {'exists', meta[1]} end
redis.call('HSET', KEYS[1],
  'v', 1, 'user', ARGV[2], 'epoch', ARGV[1], 'head', 1, 'fence', 0, 'owner', '', 'inc', '', 'runId', '',
  'inboxHead', 0, 'inboxAcked', 0, 'status', 'idle', 'turn', '',
  'cwd', ARGV[3], 'title', ARGV[4], 'settings', ARGV[5], 'createdAt', ARGV[7], 'updatedAt', ARGV[7])
redis.call('XADD', KEYS[2], '1-0', 'f', ARGV[6])
redis.call('XADD', KEYS[3], '1-0', 'f', ARGV[6])
return {'created'}
