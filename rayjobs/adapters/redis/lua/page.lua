-- A: limit, cursor (an id or nil), state, label {name, value} (or nil). Batches, newest first; looks at 1000 at most.
-- Of those whose retention is over it answers the id alone.
if not restored() then return behind() end
local from = A.cursor and '(' .. A.cursor or '+'
local found, forgotten, last = {}, {}, nil
local ids = redis.call('ZREVRANGEBYLEX', K.index, from, '-', 'LIMIT', 0, 1000)
for _, id in ipairs(ids) do
  local b = load(id)
  if not b then
    forgotten[#forgotten + 1] = id
  elseif not A.state or b.state == A.state then
    local labels = A.label and cjson.decode(b.document).labels
    if not A.label or labels[A.label[1]] == A.label[2] then found[#found + 1] = view(b) end
  end
  last = id
  if #found + #forgotten == A.limit then break end
end
local more = last and #redis.call('ZREVRANGEBYLEX', K.index, '(' .. last, '-', 'LIMIT', 0, 1) > 0
return cjson.encode({batches = found, forgotten = forgotten, next = more and last or cjson.null})
