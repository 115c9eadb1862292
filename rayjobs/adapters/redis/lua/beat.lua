#!lua flags=allow-oom
-- A: id, worker (JSON text), ttl_ms. Registers a worker or prolongs it; answers the present run.
redis.call('SET', K.worker(A.id), A.worker, 'PX', A.ttl_ms)
redis.call('ZADD', K.workers, whole(NOW + A.ttl_ms), A.id)
return cjson.encode(RUN)
