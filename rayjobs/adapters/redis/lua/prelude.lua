-- What every script begins with. ARGV: the namespace, then one JSON object of arguments.
-- Each script is one atomic write (or one consistent look) and answers one JSON text,
-- or an error whose first word redis_registry.py turns into one of ours.
local NS, A = ARGV[1], cjson.decode(ARGV[2])
local clock = redis.call('TIME')
local NOW = clock[1] * 1000 + math.floor(clock[2] / 1000)

local RUN = redis.call('GET', NS .. ':run')
if not RUN then
  RUN = string.format('r_%x', clock[1] * 1000000 + clock[2])
  redis.call('SET', NS .. ':run', RUN)
end
local P = NS .. ':' .. RUN .. ':'
-- @layout@
local FOLLOWS = cjson.decode([==[@transitions@]==])
local VERBS, ENDINGS = cjson.decode([==[@verbs@]==]), cjson.decode([==[@endings@]==])
local TOO_MANY_FAILED = '@too_many_failed@'

local function fail(code, detail) return redis.error_reply(code .. ' ' .. detail) end
local function whole(number) return string.format('%.0f', number) end

-- A token is never behind the clock, so it also grows over the loss of this server.
local function next_token()
  local token = math.max(tonumber(redis.call('GET', K.fence) or 0) + 1, NOW)
  redis.call('SET', K.fence, whole(token))
  return token
end

local function load(id)
  local flat = redis.call('HGETALL', K.batch(id))
  if #flat == 0 then return nil end
  local b = {}
  for i = 1, #flat, 2 do b[flat[i]] = flat[i + 1] end
  for _, name in ipairs({'total', 'running', 'succeeded', 'cached', 'skipped', 'failed', 'cancelled'}) do
    b[name] = tonumber(b[name])
  end
  b.ended = b.succeeded + b.cached + b.skipped + b.failed + b.cancelled
  b.pending = b.total - b.running - b.ended
  b.id = id
  return b
end

local function event(id, kind, data)
  redis.call('XADD', K.events(id), 'MAXLEN', '~', 256, '*', 'kind', kind, 'data', cjson.encode(data))
end

-- Sets a state and says so: to those who follow the batch, and to its log.
local function enter(b, to, cause, actor)
  b.state = to
  redis.call('HSET', K.batch(b.id), 'state', to)
  local said = cjson.encode({state = to, at_ms = NOW, cause = cause, actor = actor})
  redis.call('XADD', K.events(b.id), 'MAXLEN', '~', 256, '*', 'kind', 'state', 'data', said)
  local move_id = redis.call('XADD', K.moves, '*', 'batch', b.id, 'move', said)
  b.moved = cjson.encode({id = move_id, batch_id = b.id, state = to, at_ms = NOW, cause = cause, actor = actor})
  redis.call('HSET', K.batch(b.id), 'moved', b.moved)
  redis.call('PUBLISH', NS .. ':moved', b.id)
end

-- Invariant: a batch that is there changes its state only through here.
local function move(b, to, cause, actor)
  local allowed = false
  for _, state in ipairs(FOLLOWS[b.state]) do allowed = allowed or state == to end
  if not allowed then error('ILLEGAL a batch can not go from ' .. b.state .. ' to ' .. to) end
  enter(b, to, cause, actor or 'dispatcher')
end

-- The twin of batch.standing.
local function standing(b)
  if b.exact ~= '1' then return 'expanding' end
  return b.started_ms and 'running' or 'queued'
end

-- Puts a batch with waiting ranges in line, not ahead of those that are there; a paused one stays out of it.
local function enqueue(b)
  if b.state == 'paused' then return end
  local used = tonumber(redis.call('HGET', K.batch(b.id), 'vtime') or 0)
  local start = math.max(used, tonumber(redis.call('GET', K.clock) or 0))
  redis.call('ZADD', K.queue, 'NX', string.format('%.3f', start), b.id)
  redis.call('PUBLISH', NS .. ':wake', b.id)
end

local function deadline(batch) return whole((batch.created_ms or NOW) + batch.deadline_s * 1000) end

-- Which server this is: another one may know less, since it lost its memory or was given an old one.
local function server() return string.match(redis.call('INFO', 'server'), 'run_id:(%x+)') end
local function restored() return redis.call('GET', K.restored) == server() end
local function behind() return fail('BEHIND', RUN) end

-- Keeps what an ended batch has for a time only.
local function retain(id, ttl_s)
  redis.call('SREM', K.open, id)
  for _, name in ipairs({'batch', 'ranges', 'events'}) do redis.call('EXPIRE', K[name](id), ttl_s) end
end

-- Removes a batch and its leases, but neither from the listing nor its events.
local function forget(id)
  for _, raw in ipairs(redis.call('HVALS', K.leases)) do
    local lease = cjson.decode(raw)
    if lease.batch == id then
      redis.call('HDEL', K.leases, lease.token)
      redis.call('ZREM', K.expiry, lease.token)
    end
  end
  redis.call('DEL', K.batch(id), K.ranges(id))
  redis.call('SREM', K.open, id)
  redis.call('ZREM', K.queue, id)
end

-- Where nothing waits and nothing more can come, the batch only has to be closed.
local function finish(b)
  local through = b.exact == '1' and b.pending == 0 and b.running == 0
  if through and b.state ~= 'finalizing' and not b.finished_ms then move(b, 'finalizing', 'done') end
  local closable = b.state == 'finalizing' and b.running == 0
  if closable then redis.call('PUBLISH', NS .. ':wake', b.id) end
  return {state = b.state, closable = closable}
end

-- Items a second, each weighted by its age over ten seconds; started at the batch's first claim.
local function pace(b)
  if not b.rate_at then return 0 end
  local decay = math.exp((b.rate_at - NOW) / 10000)
  local seen = 1 - math.exp(((b.started_ms or NOW) - NOW) / 10000)
  return seen > 0 and tonumber(b.rate) * decay / seen or 0
end

local function view(b)
  local errors = {}
  for name, value in pairs(b) do
    local code = string.match(name, '^error:(.+)$')
    if code and tonumber(value) > 0 then errors[code] = tonumber(value) end
  end
  return {
    id = b.id, state = b.state, run_id = RUN, exact = b.exact == '1', priority = tonumber(b.priority),
    created_ms = tonumber(b.created_ms), started_ms = tonumber(b.started_ms), finished_ms = tonumber(b.finished_ms),
    throughput_per_s = pace(b), document = b.document, error = b.error or b.held, ending = b.ending,
     errors_by_code = errors, remarks = b.remarks, ran_ms = tonumber(b.ran_ms or 0), move = b.moved,
    counts = {total = b.total, pending = b.pending, running = b.running, succeeded = b.succeeded, cached = b.cached,
              skipped = b.skipped, failed = b.failed, cancelled = b.cancelled},
  }
end

local function progress(b, at_once)
  if at_once or NOW - tonumber(b.progress_ms or 0) >= 250 then
    redis.call('HSET', K.batch(b.id), 'progress_ms', whole(NOW))
    event(b.id, 'progress', {counts = view(b).counts, throughput_per_s = pace(b)})
  end
end

-- Gives a batch an end before its items are through: what waits is cancelled, what runs may finish.
local function stop(b, ending, cause, actor, why)
  local key = K.batch(b.id)
  redis.call('DEL', K.ranges(b.id))
  redis.call('ZREM', K.queue, b.id)
  b.cancelled = redis.call('HINCRBY', key, 'cancelled', b.pending)
  if b.exact == '0' then redis.call('HSET', key, 'cut', '1') end -- a retry goes on listing
  redis.call('HSET', key, 'ending', ending, 'exact', '1')
  if why then redis.call('HSET', key, 'error', why) end
  b.pending, b.ending, b.exact, b.error = 0, ending, '1', why or b.error
  move(b, 'finalizing', cause, actor)
  progress(b, true)
end

-- The twin of batch.Counts.too_many_failed: why the batch is to end, or nil.
local function too_many_failed(b)
  local ratio = tonumber(cjson.decode(b.document).max_failed_ratio) -- null and nothing are no number
  if not ratio then return nil end
  local tried = b.ended - b.cancelled
  local least = b.exact == '1' and math.min(@enough@, b.total) or @enough@
  if b.failed <= ratio * math.max(tried, least) then return nil end
  local detail = string.format('@too_many_failed_detail@', b.failed, tried)
  return cjson.encode({code = TOO_MANY_FAILED, detail = detail, limit = ratio, actual = b.failed / tried})
end

-- Ends a batch of which too many items failed; called by whatever changes its counts, or what they are judged by.
local function judge(b)
  local why = b.failed > 0 and VERBS.abort[b.ending or b.state] == 'finalizing' and too_many_failed(b)
  if why then stop(b, ENDINGS.abort, TOO_MANY_FAILED, 'dispatcher', why) end
end

-- Whether a verb that was decided is being written into the record.
local function reserved(b) return tonumber(b.reserved_until or 0) > NOW end
