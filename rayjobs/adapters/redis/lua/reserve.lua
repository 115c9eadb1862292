-- A: id, hold_ms. Decides that an ended batch is retried; answers the token under which the record is to say so.
-- Until that is done, or the time is up, nobody else retries or deletes it.
if not restored() then return behind() end
local b = load(A.id)
if not b then return fail('NOT_FOUND', A.id) end
if not VERBS.retry[b.state] then return fail('CONFLICT', b.state) end
if b.deadline_ms and tonumber(b.deadline_ms) <= NOW then return fail('OVERDUE', A.id) end
if reserved(b) then return fail('RESERVED', A.id) end
local token = next_token()
redis.call('HSET', K.batch(A.id), 'reserved', whole(token), 'reserved_until', whole(NOW + A.hold_ms))
return cjson.encode(token)
