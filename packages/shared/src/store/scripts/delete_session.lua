-- Removes everything a session has in Redis, and remembers that it was there. Called by its owner, after the child
-- is gone.
-- KEYS  1 meta  2 tombstones of the partition  3… the session's other keys
-- ARGV  1 fence  2 incarnation  3 session  4 life of a tombstone (ms)
-- RETURNS {'deleted'} | {'fenced'} | {'not_found'}
-- INVARIANT only the owner deletes, so nothing writes to the session afterwards; a deleted id is not created again
--           while its tombstone lives, which is longer than anything that would make it.
local meta = redis.call('HMGET', KEYS[1], 'fence', 'inc')
if not meta[1] then return {'not_found'} end
if meta[1] ~= ARGV[1] or meta[2] ~= ARGV[2] then return {'fenced'} end
-- Files that were uploaded: named by prompts that wait or run, by unread commands, or by nobody yet.
for i = 3, #KEYS do
  local base, kind = string.match(KEYS[i], '^(.*:)(%a+)$')
  local texts = {}
  if kind == 'queue' then texts = redis.call('HVALS', KEYS[i])
  elseif kind == 'inbox' then
    for _, entry in ipairs(redis.call('XRANGE', KEYS[i], '-', '+')) do texts[#texts + 1] = entry[2][2] end
  elseif kind == 'uploads' then
    for _, id in ipairs(redis.call('SMEMBERS', KEYS[i])) do redis.call('UNLINK', base .. 'blob:' .. id) end
  end
  for _, text in ipairs(texts) do
    for id in string.gmatch(text, '"uploadId":"(%x+)"') do redis.call('UNLINK', base .. 'blob:' .. id) end
  end
end
-- First what frees memory: after a write, a full server lets the rest of a script through.
redis.call('UNLINK', KEYS[1], unpack(KEYS, 3))
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
redis.call('ZADD', KEYS[2], string.format('%.0f', now), ARGV[3])
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', string.format('%.0f', now - tonumber(ARGV[4])))
redis.call('PEXPIRE', KEYS[2], ARGV[4])
return {'deleted'}
