-- What all scripts of a partition begin with.
--
-- KEYS[1] is the hash of the partition, with its counts. The names of all its other keys begin with it, so they have
-- its hash tag and are on its node. Times are microseconds of the server's clock.
local base = KEYS[1]
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000000 + tonumber(time[2])

-- The hosts that no worker has and that have URLs: the score says when their turn comes.
local free = base .. ':free'
-- The sessions of workers and their deadlines.
local sessions = base .. ':sessions'
-- The numbers and results of the last calls of each worker.
local calls = base .. ':calls'
-- URLs whose lease expired too often and that have no record yet.
local dying = base .. ':dying'

-- How often the lease of a URL may expire.
local MOST_EXPIRED = 5
-- How many hosts of a session that has ended are freed at once.
local FREED_AT_ONCE = 64
-- For so long only the worker that wanted a host may lease it.
local RESERVED = 5 * 1000000

local function host_key(host) return base .. ':host:' .. host end
local function leased_key(host) return base .. ':leased:' .. host end
local function lane_key(host, priority) return base .. ':lane:' .. priority .. ':' .. host end
local function owned_key(session) return base .. ':owned:' .. session end
local function turns_key(session) return base .. ':turns:' .. session end
local function wanted_key(session) return base .. ':wanted:' .. session end

local function worker_of(session) return string.match(session, '^(.*)%.') end

local function field(key, name) return tonumber(redis.call('HGET', key, name) or 0) end

-- The next turn: later than all turns before. A script takes many of them at once.
local TURNS = 256
local turn, last_turn = 0, 0
local function next_turn()
  if turn == last_turn then
    turn = math.max(now, field(base, 'turn'))
    last_turn = turn + TURNS
    redis.call('HSET', base, 'turn', last_turn)
  end
  turn = turn + 1
  return turn
end

-- Notes that a worker calls. A time without any call means that the server was away. Then no session ends before all
-- workers had time to call again.
local function note_call(lease)
  local called = field(base, 'called')
  if called > 0 and now - called > lease / 2 then
    redis.call('HSET', base, 'grace', now + math.floor(lease / 3))
  end
  if now - called > 100000 then redis.call('HSET', base, 'called', now) end
end

-- Sessions with a deadline up to this one have ended.
local function ended() return field(base, 'grace') > now and 0 or now end

local function is_live(session)
  local deadline = redis.call('ZSCORE', sessions, session)
  return deadline and tonumber(deadline) > ended()
end

local function chunks(list, call)
  for from = 1, #list, 1000 do call(unpack(list, from, math.min(from + 999, #list))) end
end

-- `5 0 -3` with one priority more.
local function with_lane(lanes, priority)
  local out, placed = {}, false
  for other in string.gmatch(lanes, '%S+') do
    if tonumber(other) == priority then return lanes end
    if not placed and tonumber(other) < priority then
      out[#out + 1] = string.format('%d', priority)
      placed = true
    end
    out[#out + 1] = other
  end
  if not placed then out[#out + 1] = string.format('%d', priority) end
  return table.concat(out, ' ')
end

-- Puts leased URLs back to their places among those that wait. An item is
-- {id, priority, expiries, attempts, payload}.
local function put_back(host, items)
  if #items == 0 then return end
  local key = host_key(host)
  local lanes = redis.call('HGET', key, 'lanes') or ''
  local by_priority = {}
  for _, item in ipairs(items) do
    local lane = by_priority[item[2]] or {}
    by_priority[item[2]] = lane
    lane[#lane + 1] = {item[1], string.format('%d,%d,%d:', item[1], item[3], item[4]) .. item[5]}
  end
  for priority, lane in pairs(by_priority) do
    local list, last = lane_key(host, priority), 0
    for _, entry in ipairs(lane) do last = math.max(last, entry[1]) end
    -- Only URLs that were put back before are in front of these.
    while true do
      local head = redis.call('LPOP', list)
      if not head then break end
      local id = tonumber(string.match(head, '^%d+'))
      if id > last then
        redis.call('LPUSH', list, head)
        break
      end
      lane[#lane + 1] = {id, head}
    end
    table.sort(lane, function(a, b) return a[1] > b[1] end)
    local entries = {}
    for at, entry in ipairs(lane) do entries[at] = entry[2] end
    chunks(entries, function(...) redis.call('LPUSH', list, ...) end)
    lanes = with_lane(lanes, tonumber(priority))
  end
  redis.call('HSET', key, 'lanes', lanes)
  local waiting = redis.call('HINCRBY', key, 'waiting', #items)
  redis.call('HINCRBY', base, 'waiting', #items)
  redis.call('HINCRBY', base, 'leased', 0 - #items)
  local owner = redis.call('HGET', key, 'owner')
  if owner and waiting == #items then redis.call('ZADD', turns_key(owner), next_turn(), host) end
end

-- A leased URL as an item.
local function item(id, stored)
  local priority, expiries, attempts, at = string.match(stored, '^(-?%d+),(%d+),(%d+):()')
  return {tonumber(id), priority, tonumber(expiries), tonumber(attempts), string.sub(stored, at)}
end

-- Frees a host. Its leased URLs wait again. One that has expired too often waits for its record.
local function let_go(host, session, expired)
  local key, leased = host_key(host), leased_key(host)
  local urls, items = redis.call('HGETALL', leased), {}
  for at = 1, #urls, 2 do
    local url = item(urls[at], urls[at + 1])
    url[3] = url[3] + expired
    if url[3] >= MOST_EXPIRED then
      redis.call('HSET', dying, host .. ' ' .. urls[at], url[2] .. ':' .. url[5])
    else
      items[#items + 1] = url
    end
  end
  redis.call('HDEL', key, 'owner')
  redis.call('UNLINK', leased)
  put_back(host, items)
  redis.call('SREM', owned_key(session), host)
  redis.call('SREM', wanted_key(session), host)
  redis.call('ZREM', turns_key(session), host)
  local known = redis.call('HMGET', key, 'waiting', 'due', 'wanted')
  if known[3] then
    redis.call('HDEL', key, 'wanted')
    redis.call('HSET', key, 'reserved', known[3], 'reserved_until', now + RESERVED)
  end
  if tonumber(known[1] or 0) > 0 then
    redis.call('ZADD', free, math.max(next_turn(), tonumber(known[2] or 0)), host)
  end
end

-- Frees hosts of a session that has ended. Returns whether it has no more.
local function end_session(session, expired)
  local hosts = redis.call('SRANDMEMBER', owned_key(session), FREED_AT_ONCE)
  for _, host in ipairs(hosts) do let_go(host, session, expired) end
  if #hosts == FREED_AT_ONCE then return false end
  redis.call('UNLINK', owned_key(session), turns_key(session), wanted_key(session))
  redis.call('ZREM', sessions, session)
  return true
end

-- Ends one session whose deadline is over.
local function reap()
  local over = redis.call('ZRANGEBYSCORE', sessions, '-inf', ended(), 'LIMIT', 0, 1)
  if over[1] and end_session(over[1], 1) then
    redis.call('HDEL', calls, worker_of(over[1]) .. ':add', worker_of(over[1]) .. ':complete')
  end
end

-- Makes a host one of this session's. Returns its pace: the time until it is due, and the rest.
local function own(host, session)
  local key = host_key(host)
  redis.call('HSET', key, 'owner', session)
  redis.call('HDEL', key, 'reserved', 'reserved_until')
  redis.call('SADD', owned_key(session), host)
  redis.call('ZREM', free, host)
  local known = redis.call('HMGET', key, 'due', 'pace')
  return math.max(0, tonumber(known[1] or 0) - now), known[2] or ''
end

-- Whether a free host is reserved for another worker than that of this session.
local function is_reserved(host, session)
  local known = redis.call('HMGET', host_key(host), 'reserved', 'reserved_until')
  return known[1] and known[1] ~= worker_of(session) and tonumber(known[2]) > now
end

-- Some URLs that wait for their record.
local function some_dying()
  if redis.call('HLEN', dying) == 0 then return {} end
  return redis.call('HSCAN', dying, 0, 'COUNT', 16)[2]
end
