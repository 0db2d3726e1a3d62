-- Closes a pending approval to decisions, since its time is over.
-- KEYS  1 meta  2 approvals
-- ARGV  1 fence  2 incarnation  3 approval id
-- RETURNS {'expired'} | {'decided'} | {'not_pending'} | {'fenced'}
-- INVARIANT only the owner expires; an approval is decided or expired, never both.
local meta = redis.call('HMGET', KEYS[1], 'fence', 'inc')
if meta[1] ~= ARGV[1] or meta[2] ~= ARGV[2] then return {'fenced'} end
local stored = redis.call('HGET', KEYS[2], ARGV[3])
if not stored then return {'not_pending'} end
local feed = string.find(stored, '\n', 1, true)
if feed then
  return {cjson.decode(string.sub(stored, feed + 1)).expired and 'expired' or 'decided'}
end
redis.call('HSET', KEYS[2], ARGV[3], stored .. '\n' .. cjson.encode({expired = true}))
return {'expired'}
