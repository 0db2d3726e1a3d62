-- Puts a command into a session's inbox and rings its owner's doorbell.
-- KEYS  1 meta  2 inbox  3 order  4 idem  5 doorbell channel  6 live channel
--       7 uploads  8… the blobs that the prompt takes
-- ARGV  1 user id  2 command as JSON  3 idempotency key ('' = none)  4 life of idempotency keys (ms)
--       5 queue cap ('' = the command is not a prompt)  6 '1' = the session is to be deleted
--       7 '1' = refuse the command unless a prompt could start at once
-- RETURNS {'busy'} | {'accepted', seq, owner worker, owner incarnation, last owner}
--         | {'duplicate', owner worker, owner incarnation, last owner}
--         | {'upload_missing'} | {'not_found'} | {'queue_full', waiting}
-- INVARIANT the caller is the session's owner user; a prompt with the same key enters once; seq is dense from 1.
local meta = redis.call('HMGET', KEYS[1], 'user', 'owner', 'inc', 'inboxHead', 'inboxAcked', 'deleting', 'last')
if not meta[1] or meta[1] ~= ARGV[1] or meta[6] then return {'not_found'} end
if ARGV[3] ~= '' and redis.call('ZSCORE', KEYS[4], ARGV[3]) then
  return {'duplicate', meta[2], meta[3], meta[7] or ''}
end
if ARGV[7] == '1' then
  local status = redis.call('HGET', KEYS[1], 'status')
  if status == 'running' or status == 'awaiting_approval' or redis.call('ZCARD', KEYS[3]) > 0 then return {'busy'} end
  for _, entry in ipairs(redis.call('XRANGE', KEYS[2], '-', '+')) do
    if cjson.decode(entry[2][2]).type == 'prompt' then return {'busy'} end
  end
end
if ARGV[5] ~= '' then
  -- Unread commands may be prompts too: counting them all keeps the cap a true upper bound.
  local waiting = redis.call('ZCARD', KEYS[3]) + (tonumber(meta[4]) - tonumber(meta[5]))
  if waiting >= tonumber(ARGV[5]) then return {'queue_full', waiting} end
end
-- Each is there and waits for its prompt: none is taken twice, and all are looked at before any is taken.
for i = 8, #KEYS do
  if redis.call('TTL', KEYS[i]) < 0 then return {'upload_missing'} end
end
for i = 8, #KEYS do
  redis.call('PERSIST', KEYS[i])
  redis.call('SREM', KEYS[7], string.match(KEYS[i], '[^:]+$'))
end
local seq = tonumber(meta[4]) + 1
redis.call('XADD', KEYS[2], seq .. '-0', 'c', ARGV[2])
redis.call('HSET', KEYS[1], 'inboxHead', seq)
if ARGV[6] == '1' then
  redis.call('HSET', KEYS[1], 'deleting', 1)
  -- Not a message of events: whoever follows the session looks at it again and finds that it is gone.
  redis.call('SPUBLISH', KEYS[6], '')
end
if ARGV[3] ~= '' then
  local time = redis.call('TIME')
  local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
  redis.call('ZADD', KEYS[4], now, ARGV[3])
  redis.call('ZREMRANGEBYSCORE', KEYS[4], '-inf', now - tonumber(ARGV[4]))
end
-- A short command comes with the ring: its owner needs not ask for it.
redis.call('SPUBLISH', KEYS[5], #ARGV[2] <= 4096 and seq .. '\n' .. ARGV[2] or seq)
return {'accepted', seq, meta[2], meta[3], meta[7] or ''}
