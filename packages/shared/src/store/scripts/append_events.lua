-- Appends events to a session's log and publishes them, with everything that must change in the same step.
-- KEYS  1 meta  2 events  3 live channel
--       with effects also: 4 history  5 snapshot  6 inbox  7 queue  8 order  9 approvals
-- ARGV  1 fence  2 incarnation  3 epoch  4 first offset  5 effects as JSON ('' = none)  6 snapshot ('' = none)
--       7 until when the owner may write (ms of Redis TIME; '' = not checked)  8… the frames, n of them
-- Effects (all optional): history [1-based indexes of frames to keep]; ack inbox seq; meta {field: value};
--       queue [["put", id, json, score] | ["take", id] | ["del", id] | ["score", id, score]];
--       "take" leaves the order but keeps the prompt itself until its turn is over, for a takeover to find; approvals [["open", id, json] | ["close", id]];
--       trim: first offset to keep (only with a snapshot at or after the one before it);
--       trimHistory {before = first offset to keep in the history, bytes = what goes}
-- RETURNS {'ok', head, bytes of the history (-1 without effects)} | {'duplicate', head} | {'gap', head} | {'fenced', fence, incarnation} | {'not_found'}
--         | {'expired'}
-- INVARIANT only the owner with the newest fence writes, and only within its lease: a Redis that lost a newer claim
--           would take an old owner for the present one. Offsets are dense; a repeated batch writes nothing.
local meta = redis.call('HMGET', KEYS[1], 'fence', 'inc', 'head')
if not meta[1] then return {'not_found'} end
if meta[1] ~= ARGV[1] or meta[2] ~= ARGV[2] then return {'fenced', meta[1], meta[2]} end
if ARGV[7] ~= '' then
  local time = redis.call('TIME')
  if tonumber(time[1]) * 1000 + tonumber(time[2]) / 1000 > tonumber(ARGV[7]) then return {'expired'} end
end
local head = tonumber(meta[3])
local first = tonumber(ARGV[4])
local n = #ARGV - 7
local last = first + n - 1
if last <= head then return {'duplicate', head} end
if first ~= head + 1 then return {'gap', head} end
local effects = ARGV[5] ~= '' and cjson.decode(ARGV[5]) or nil
local suffix = '-' .. ARGV[1]
-- The first offset is a text already: making one of a number costs more than it looks.
redis.call('XADD', KEYS[2], ARGV[4] .. suffix, 'f', ARGV[8])
for i = 2, n do
  redis.call('XADD', KEYS[2], (first + i - 1) .. suffix, 'f', ARGV[7 + i])
end
redis.call('HSET', KEYS[1], 'head', n == 1 and ARGV[4] or last)
if effects then
  for _, index in ipairs(effects.history or {}) do
    redis.call('XADD', KEYS[4], (first + index - 1) .. '-0', 'f', ARGV[7 + index])
  end
  for field, value in pairs(effects.meta or {}) do redis.call('HSET', KEYS[1], field, value) end
  if effects.ack then
    redis.call('HSET', KEYS[1], 'inboxAcked', effects.ack)
    redis.call('XTRIM', KEYS[6], 'MINID', string.format('%.0f', effects.ack + 1) .. '-0')
  end
  for _, change in ipairs(effects.queue or {}) do
    if change[1] == 'put' then
      redis.call('HSET', KEYS[7], change[2], change[3])
      redis.call('ZADD', KEYS[8], change[4], change[2])
    elseif change[1] == 'score' then
      redis.call('ZADD', KEYS[8], 'XX', change[3], change[2])
    elseif change[1] == 'take' then
      redis.call('ZREM', KEYS[8], change[2])
    else
      -- The files of a prompt go with it, on whichever path it goes. Their keys have the tag of the queue's.
      local prompt = redis.call('HGET', KEYS[7], change[2])
      if prompt and string.find(prompt, '"uploadId"', 1, true) then
        local base = string.sub(KEYS[7], 1, -6) .. 'blob:'
        for _, block in ipairs(cjson.decode(prompt).content) do
          if block.uploadId then redis.call('UNLINK', base .. block.uploadId) end
        end
      end
      redis.call('HDEL', KEYS[7], change[2])
      redis.call('ZREM', KEYS[8], change[2])
    end
  end
  for _, change in ipairs(effects.approvals or {}) do
    if change[1] == 'open' then redis.call('HSET', KEYS[9], change[2], change[3])
    else redis.call('HDEL', KEYS[9], change[2]) end
  end
  if ARGV[6] ~= '' then
    redis.call('SET', KEYS[5], ARGV[6])
    if effects.trim then
      redis.call('XTRIM', KEYS[2], 'MINID', string.format('%.0f', effects.trim) .. '-0')
    end
  end
end
local history = -1
if effects then
  local delta = 0
  for _, index in ipairs(effects.history or {}) do delta = delta + #ARGV[7 + index] end
  if effects.trimHistory then
    redis.call('XTRIM', KEYS[4], 'MINID', string.format('%.0f', effects.trimHistory.before) .. '-0')
    delta = delta - effects.trimHistory.bytes
  end
  history = redis.call('HINCRBY', KEYS[1], 'historyBytes', string.format('%.0f', delta))
end
local header = '1|' .. ARGV[3] .. '|' .. ARGV[1] .. '|' .. ARGV[4] .. '|' .. n .. '\n['
if n == 1 then
  redis.call('SPUBLISH', KEYS[3], header .. ARGV[8] .. ']')
else
  redis.call('SPUBLISH', KEYS[3], header .. table.concat(ARGV, ',', 8) .. ']')
end
return {'ok', last, history}
