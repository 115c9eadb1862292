-- A: new (bool). Answers the present run and who leads; with `new`, begins the next run first.
if A.new then
  local fresh = string.format('r_%x', clock[1] * 1000000 + clock[2])
  if fresh == RUN then fresh = fresh .. 'x' end
  RUN = fresh
  redis.call('SET', K.run, RUN)
end
local holder = string.match(redis.call('GET', K.leader) or '', '^(.*)|%d+$')
return cjson.encode({run_id = RUN, leader = holder or cjson.null})
