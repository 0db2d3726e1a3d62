-- Acknowledges commands that left nothing to append.
-- KEYS  1 meta  2 inbox
-- ARGV  1 fence  2 incarnation  3 seq
-- RETURNS {'ok'} | {'fenced'}
-- INVARIANT only the owner acknowledges, and never backwards.
local meta = redis.call('HMGET', KEYS[1], 'fence', 'inc', 'inboxAcked')
if meta[1] ~= ARGV[1] or meta[2] ~= ARGV[2] then return {'fenced'} end
if tonumber(ARGV[3]) > tonumber(meta[3]) then
  redis.call('HSET', KEYS[1], 'inboxAcked', ARGV[3])
  redis.call('XTRIM', KEYS[2], 'MINID', string.format('%.0f', tonumber(ARGV[3]) + 1) .. '-0')
end
return {'ok'}
