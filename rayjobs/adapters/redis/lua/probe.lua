-- Answers whether something can be written; fails where Redis is full.
redis.call('SET', K.probe, '1', 'PX', 1000)
return cjson.encode(true)
