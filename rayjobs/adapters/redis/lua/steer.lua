#!lua flags=allow-oom
-- A: id, verb, cause, actor, error (JSON text or nil), whole (bool). Pauses, resumes or ends a batch, as batch.VERBS says.
-- A repeat changes nothing.
if A.whole and not restored() then return behind() end
local b = load(A.id)
if not b then return fail('NOT_FOUND', A.id) end
local here = b.ending or b.state
local to = VERBS[A.verb][here]
if not to then return fail('CONFLICT', b.state) end
if to ~= here then
  if ENDINGS[A.verb] then
    stop(b, ENDINGS[A.verb], A.cause, A.actor, A.error)
  elseif A.verb == 'pause' then
    redis.call('ZREM', K.queue, A.id)
    if A.error then redis.call('HSET', K.batch(A.id), 'held', A.error) end
    move(b, to, A.cause, A.actor)
  else
    redis.call('HDEL', K.batch(A.id), 'held')
    move(b, standing(b), A.cause, A.actor)
    if b.pending > 0 then enqueue(b) end
  end
  finish(b)
end
return cjson.encode(view(load(A.id)))
