-- Removes what is left of a session that is no more.
-- KEYS  1 meta  2… the session's other keys
-- RETURNS how many keys were removed
-- INVARIANT nothing of a session that exists is touched.
if redis.call('EXISTS', KEYS[1]) == 1 then return 0 end
return redis.call('UNLINK', unpack(KEYS, 2))
