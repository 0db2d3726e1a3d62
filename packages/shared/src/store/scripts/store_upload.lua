-- Keeps an uploaded file until a prompt takes it, or its time is up.
-- KEYS  1 meta  2 uploads  3 blob
-- ARGV  1 upload id  2 name  3 media type  4 bytes  5 life (s)  6 most uploads that wait
-- RETURNS {'stored'} | {'not_found'} | {'too_many'}
-- INVARIANT what no prompt takes is gone when its life is over.
local meta = redis.call('HMGET', KEYS[1], 'user', 'deleting')
if not meta[1] or meta[2] then return {'not_found'} end
-- Those whose time was up count as long as younger ones keep the set alive: a cap that errs on the low side.
if redis.call('SCARD', KEYS[2]) >= tonumber(ARGV[6]) then return {'too_many'} end
redis.call('HSET', KEYS[3], 'name', ARGV[2], 'type', ARGV[3], 'bytes', ARGV[4])
redis.call('EXPIRE', KEYS[3], ARGV[5])
redis.call('SADD', KEYS[2], ARGV[1])
redis.call('EXPIRE', KEYS[2], ARGV[5])
return {'stored'}
