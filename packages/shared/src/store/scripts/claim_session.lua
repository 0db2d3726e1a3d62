-- Makes a worker the owner of a session, if the owner is still the one that was observed (and found dead).
-- KEYS  1 meta
-- ARGV  1 observed owner  2 observed incarnation  3 observed fence  4 worker  5 incarnation
--       6 a fresh epoch  7 the newest fence that the caller knows of from elsewhere (0 = none)
-- RETURNS {'claimed', fence, epoch, head, inboxAcked, epoch changed '1'|'0'} | {'lost', owner, incarnation, fence} | {'not_found'}
-- INVARIANT the new fence is greater than every earlier one, also when a claim was lost by a failover: it is at
--           least Redis TIME in ms. A server that is not the one an owner last saw, or that was not its own master
--           all the time since, may have lost the log's tail: then the log goes on under a new epoch. The server
--           says itself which it is: what a caller knows may be from before a restart that it has not noticed.
--           A known fence that is newer than the stored one is a claim that was lost: a new epoch, too.
local meta = redis.call('HMGET', KEYS[1], 'owner', 'inc', 'fence', 'epoch', 'head', 'inboxAcked', 'runId')
if not meta[3] then return {'not_found'} end
if meta[1] ~= ARGV[1] or meta[2] ~= ARGV[2] or meta[3] ~= ARGV[3] then
  return {'lost', meta[1], meta[2], meta[3]}
end
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
local known = tonumber(ARGV[7])
local fence = math.max(tonumber(meta[3]) + 1, now, known + 1)
local run = string.match(redis.call('INFO', 'server'), 'run_id:(%x+)')
local lineage = string.match(redis.call('INFO', 'replication'), 'master_replid:(%x+)')
local server = string.sub(run, 1, 20) .. '/' .. string.sub(lineage, 1, 20)
local epoch = meta[4]
local changed = '0'
if known > tonumber(meta[3]) then
  epoch = ARGV[6]
  changed = '1'
end
if meta[7] ~= '' and meta[7] ~= server then
  epoch = ARGV[6]
  changed = '1'
end
local text = string.format('%.0f', fence)
redis.call('HSET', KEYS[1], 'owner', ARGV[4], 'inc', ARGV[5], 'fence', text, 'epoch', epoch, 'runId', server)
return {'claimed', text, epoch, meta[5], meta[6], changed}
