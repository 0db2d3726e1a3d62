-- Keeps a worker alive for another lease period and stores what it says of itself.
-- KEYS  1 deadlines  2 info
-- ARGV  1 worker  2 incarnation  3 lease (ms)  4 info as JSON
-- RETURNS {'alive', deadline (ms of Redis TIME), '1' if the lease was still held until now, else '0'} | {'taken', incarnation of the living holder of this name}
-- INVARIANT a worker's name belongs to one living incarnation at a time.
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
local held = redis.call('HGET', KEYS[2], ARGV[1])
local holder = held and string.match(held, '^([^\n]*)\n')
local deadline = tonumber(redis.call('ZSCORE', KEYS[1], ARGV[1]) or 0)
if holder and holder ~= ARGV[2] and deadline > now then return {'taken', holder} end
redis.call('ZADD', KEYS[1], now + tonumber(ARGV[3]), ARGV[1])
redis.call('HSET', KEYS[2], ARGV[1], ARGV[2] .. '\n' .. ARGV[4])
local continued = holder == ARGV[2] and deadline > now
return {'alive', string.format('%.0f', now + tonumber(ARGV[3])), continued and '1' or '0'}
