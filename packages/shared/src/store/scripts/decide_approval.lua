-- Records a person's decision on a pending approval, and puts it into the inbox for the session's owner.
-- KEYS  1 meta  2 approvals  3 inbox  4 doorbell channel  5 roles
-- ARGV  1 user id  2 approval id  3 digest of the input that is decided on ('' = not given)
--       4 the decision as a text to compare by  5 command as JSON
-- RETURNS {'accepted', seq, owner worker, owner incarnation, last owner}
--         | {'duplicate', owner worker, owner incarnation, last owner} | {'decided', who and how as JSON}
--         | {'not_pending'} | {'changed'} | {'expired'} | {'lost'} | {'not_found'}
-- A pending approval is stored as its JSON; once decided a line feed and `{by, answer}` as JSON follow. The owner
-- removes it when it appends what became of it.
-- INVARIANT the caller is the session's owner user or an approver. The first decision is the only one that is recorded and the only
--           one that gets into the inbox; it is about the input that was asked, by the agent of the present owner,
--           before the approval expired. Nothing is changed otherwise.
local meta = redis.call('HMGET', KEYS[1], 'user', 'owner', 'inc', 'inboxHead', 'deleting', 'last', 'fence')
if not meta[1] or meta[5] then return {'not_found'} end
if meta[1] ~= ARGV[1] and redis.call('HGET', KEYS[5], ARGV[1]) ~= 'approver' then return {'not_found'} end
local stored = redis.call('HGET', KEYS[2], ARGV[2])
if not stored then return {'not_pending'} end
local feed = string.find(stored, '\n', 1, true)
local approval = cjson.decode(feed and string.sub(stored, 1, feed - 1) or stored)
if string.format('%.0f', approval.fence) ~= meta[7] then return {'lost'} end
if feed then
  local decided = cjson.decode(string.sub(stored, feed + 1))
  if decided.expired then return {'expired'} end
  if decided.by == ARGV[1] and decided.answer == ARGV[4] then
    return {'duplicate', meta[2], meta[3], meta[6] or ''}
  end
  return {'decided', string.sub(stored, feed + 1)}
end
if ARGV[3] ~= '' and ARGV[3] ~= approval.inputDigest then return {'changed'} end
if approval.expiresAt then
  local time = redis.call('TIME')
  local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
  if now >= approval.expiresAt then return {'expired'} end
end
local seq = tonumber(meta[4]) + 1
redis.call('XADD', KEYS[3], seq .. '-0', 'c', ARGV[5])
redis.call('HSET', KEYS[1], 'inboxHead', seq)
redis.call('HSET', KEYS[2], ARGV[2], stored .. '\n' .. cjson.encode({by = ARGV[1], answer = ARGV[4]}))
-- A short command comes with the ring: its owner needs not ask for it.
redis.call('SPUBLISH', KEYS[4], #ARGV[5] <= 4096 and seq .. '\n' .. ARGV[5] or seq)
return {'accepted', seq, meta[2], meta[3], meta[6] or ''}
