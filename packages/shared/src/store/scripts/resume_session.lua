-- Reads what a client must get to go on from a position: exactly the later events, or a snapshot and why.
-- KEYS  1 meta  2 events  3 snapshot
-- ARGV  1 user id ('' = already checked)  2 epoch ('' = no position)  3 offset  4 most events to return
--       5 most bytes of events to return (one event is returned whatever its size)
-- RETURNS {'continue', epoch, head, status, frames}
--         | {'reset', reason, epoch, head, status, snapshot ('' = the empty view at offset 0), frames after it}
--         | {'not_found'}
--         frames: one text, with a comma and a tab between two (no JSON text has a tab): a gateway takes a page of
--         fifty as one string in a fraction of the time that fifty strings take ('' = none)
-- INVARIANT frames start right after the position (or the snapshot) without a hole, or there is a reset.
local meta = redis.call('HMGET', KEYS[1], 'user', 'epoch', 'head', 'status', 'deleting')
if not meta[1] or meta[5] or (ARGV[1] ~= '' and meta[1] ~= ARGV[1]) then return {'not_found'} end
local epoch, head, status = meta[2], tonumber(meta[3]), meta[4]
local function after(offset)
  if offset >= head then return {} end
  return redis.call('XRANGE', KEYS[2], '(' .. string.format('%.0f', offset) .. '-18446744073709551615', '+',
    'COUNT', ARGV[4])
end
local function add_frames(out, entries)
  local bytes, frames = 0, {}
  for index, entry in ipairs(entries) do
    local frame = entry[2][2]
    bytes = bytes + #frame
    if bytes > tonumber(ARGV[5]) and bytes > #frame then break end
    frames[index] = frame
  end
  out[#out + 1] = table.concat(frames, ',\t')
  return out
end
local function starts_at(entries, offset)
  return entries[1] and tonumber(string.match(entries[1][1], '^%d+')) == offset
end
local reason = 'new'
if ARGV[2] ~= '' then
  local offset = tonumber(ARGV[3])
  if ARGV[2] ~= epoch then reason = 'epoch'
  elseif offset > head then reason = 'ahead'
  else
    local entries = after(offset)
    if offset == head or starts_at(entries, offset + 1) then
      return add_frames({'continue', epoch, head, status}, entries)
    end
    reason = 'trimmed'
  end
end
local snapshot = redis.call('GET', KEYS[3]) or ''
local base = snapshot == '' and 0 or tonumber(string.match(snapshot, '^%d+'))
return add_frames({'reset', reason, epoch, head, status, snapshot}, after(base))
