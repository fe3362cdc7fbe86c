-- Leases URLs. ARGV: session, time of a lease, whether the session is new, the most URLs, the most of one host, whether
-- URLs that are leased count for the latter, the most new hosts, the only host or nothing, and hosts that are full.
-- Returns: state, waiting, leased, added, whether there is more, hosts (host, due in, pace), URLs (host, count, and of
-- each: id, attempts, payload), URLs that wait for their record.
local session, lease = ARGV[1], tonumber(ARGV[2])
local most, per_host, counts_leased, new_hosts = tonumber(ARGV[4]), tonumber(ARGV[5]), ARGV[6] == '1', tonumber(ARGV[7])
local only = ARGV[8]
note_call(lease)
reap()
if ARGV[3] == '1' then
  redis.call('ZADD', sessions, now + lease, session)
elseif not is_live(session) then
  return {'lost'}
end
local full = {}
for at = 9, #ARGV do full[ARGV[at]] = true end

local left, hosts, urls, got_in_all = most, {}, {}, 0
-- Turns of one moment are a little in the future.
local due = math.max(now, field(base, 'turn'))

-- Leases URLs of a host. Returns how many wait then.
local function take(host, count)
  local key = host_key(host)
  local known = redis.call('HMGET', key, 'lanes', 'waiting')
  local waiting = tonumber(known[2] or 0)
  if count <= 0 or waiting == 0 then return waiting end
  local lanes, fields, out = {}, {}, {}
  for priority in string.gmatch(known[1] or '', '%S+') do
    local missing = count - #out / 3
    if missing > 0 then
      local list = lane_key(host, priority)
      local entries = redis.call('LPOP', list, missing) or {}
      for _, entry in ipairs(entries) do
        local id, expiries, attempts, at = string.match(entry, '^(%d+),(%d+),(%d+):()')
        local payload = string.sub(entry, at)
        fields[#fields + 1] = id
        fields[#fields + 1] = priority .. ',' .. expiries .. ',' .. attempts .. ':' .. payload
        out[#out + 1] = id
        out[#out + 1] = attempts
        out[#out + 1] = payload
      end
      waiting = waiting - #entries
      -- It is empty if it has given less than that.
      if #entries == missing and waiting > 0 and redis.call('EXISTS', list) == 1 then lanes[#lanes + 1] = priority end
    else
      lanes[#lanes + 1] = priority
    end
  end
  local got = #out / 3
  chunks(fields, function(...) redis.call('HSET', leased_key(host), ...) end)
  redis.call('HSET', key, 'lanes', table.concat(lanes, ' '), 'waiting', waiting)
  if got > 0 then
    urls[#urls + 1] = host
    urls[#urls + 1] = tostring(got)
    for _, text in ipairs(out) do urls[#urls + 1] = text end
  end
  left, got_in_all = left - got, got_in_all + got
  return waiting
end

-- Leases from a host in its turn, or from the only one wanted.
local function serve(host, is_own)
  local count = math.min(per_host, left)
  if counts_leased then count = math.min(count, per_host - redis.call('HLEN', leased_key(host))) end
  if not is_own then
    if new_hosts == 0 or (counts_leased and count <= 0) or is_reserved(host, session) then return end
    local due_in, pace = own(host, session)
    new_hosts = new_hosts - 1
    hosts[#hosts + 1] = host
    hosts[#hosts + 1] = string.format('%.0f', due_in)
    hosts[#hosts + 1] = pace
  end
  local waiting = take(host, count)
  if waiting == 0 then
    redis.call('ZREM', turns_key(session), host)
  elseif only == '' or not is_own then
    redis.call('ZADD', turns_key(session), next_turn(), host)
  end
end

local more = 0
if only ~= '' then
  local turn = redis.call('ZSCORE', free, only)
  if redis.call('HGET', host_key(only), 'owner') == session then
    serve(only, true)
  elseif turn and tonumber(turn) <= due and most > 0 then
    serve(only, false)
    -- Its turn stays where it was.
    if redis.call('ZSCORE', turns_key(session), only) then redis.call('ZADD', turns_key(session), turn, only) end
  end
  if field(host_key(only), 'waiting') > 0 then more = 1 end
elseif most > 0 and per_host > 0 then
  -- A full host gives nothing, so some more are looked at than give one.
  local looked_at = most + #ARGV - 8
  if counts_leased then looked_at = looked_at + 32 end
  local mine = redis.call('ZRANGE', turns_key(session), 0, looked_at - 1, 'WITHSCORES')
  local others = redis.call('ZRANGEBYSCORE', free, '-inf', due, 'WITHSCORES', 'LIMIT', 0, looked_at)
  local at, other = 1, 1
  while left > 0 and (at < #mine or (other < #others and new_hosts > 0)) do
    local host, is_own
    if at < #mine and (other > #others or new_hosts == 0 or tonumber(mine[at + 1]) <= tonumber(others[other + 1])) then
      host, is_own, at = mine[at], true, at + 2
    else
      host, is_own, other = others[other], false, other + 2
    end
    if not full[host] then
      serve(host, is_own)
    else
      redis.call('ZADD', is_own and turns_key(session) or free, next_turn(), host)
    end
  end
end
if got_in_all > 0 then
  redis.call('HINCRBY', base, 'waiting', 0 - got_in_all)
  redis.call('HINCRBY', base, 'leased', got_in_all)
end
if only == '' then
  if counts_leased then
    local has_hosts = redis.call('ZCARD', turns_key(session)) > 0 or redis.call('ZCOUNT', free, '-inf', due) > 0
    more = (left == 0 and has_hosts) and 1 or 0
  else
    local others = redis.call('ZCARD', turns_key(session)) + redis.call('ZCOUNT', free, '-inf', math.max(due, field(base, 'turn')))
    for host in pairs(full) do
      if redis.call('ZSCORE', turns_key(session), host) or redis.call('ZSCORE', free, host) then others = others - 1 end
    end
    if others > 0 then more = 1 end
  end
end
local counts = redis.call('HMGET', base, 'waiting', 'leased', 'added')
return {
  'ok', tonumber(counts[1] or 0), tonumber(counts[2] or 0), tonumber(counts[3] or 0), more, hosts, urls, some_dying()
}
