-- Adds URLs. ARGV: worker, number of the call, and of each host: host, count, and of each URL: place in the
-- batch, priority, key or nothing, payload. Returns how many are new and how many were seen before.
local done = redis.call('HGET', calls, ARGV[1] .. ':add')
if done then
  local number, new, seen = string.match(done, '^(%d+) (%d+) (%d+)$')
  if tonumber(number) >= tonumber(ARGV[2]) then return {tonumber(new), tonumber(seen)} end
end

-- The set of URLs seen is split into sets of integers, which are small while they are short. It grows by one of them at
-- a time (linear hashing): each number of sets is right for some number of URLs.
local PER_SHARD = 220
local shards = math.max(1, field(base, 'shards'))
local seen_urls = field(base, 'seen')
local level = 1
while level * 2 <= shards do level = level * 2 end

local function shard_of(key)
  local hash = math.min(math.floor((tonumber(key) + 9223372036854775808) / 4294967296), 4294967295)
  local shard = hash % (level * 2)
  return shard < shards and shard or hash % level
end

local function shard_key(shard) return base .. ':seen:' .. shard end

local function split()
  local from = shards - level
  local members = redis.call('SMEMBERS', shard_key(from))
  shards = shards + 1
  if shards == level * 2 then level = shards end
  local parts = {[from] = {}, [shards - 1] = {}}
  for _, key in ipairs(members) do
    local part = parts[shard_of(key)]
    part[#part + 1] = key
  end
  redis.call('UNLINK', shard_key(from))
  for shard, keys in pairs(parts) do
    chunks(keys, function(...) redis.call('SADD', shard_key(shard), ...) end)
  end
end

local function is_new(key)
  if key == '' then return true end
  if redis.call('SADD', shard_key(shard_of(key)), key) == 0 then return false end
  seen_urls = seen_urls + 1
  while seen_urls > shards * PER_SHARD do split() end
  return true
end

local new, seen, at = 0, 0, 3
-- The hosts that had no URLs, in the order of their first new one.
local offered = {}
while at < #ARGV do
  local host, count = ARGV[at], tonumber(ARGV[at + 1])
  local key = host_key(host)
  local known = redis.call('HMGET', key, 'ids', 'lanes', 'waiting', 'owner', 'due')
  local ids, lanes, waiting = tonumber(known[1] or 0), known[2] or '', tonumber(known[3] or 0)
  local by_priority, added, first = {}, 0, nil
  for url = at + 2, at + 2 + (count - 1) * 4, 4 do
    if is_new(ARGV[url + 2]) then
      first = first or tonumber(ARGV[url])
      ids, added = ids + 1, added + 1
      local lane = by_priority[ARGV[url + 1]] or {}
      by_priority[ARGV[url + 1]] = lane
      lane[#lane + 1] = string.format('%d,0,0:', ids) .. ARGV[url + 3]
    else
      seen = seen + 1
    end
  end
  at = at + 2 + count * 4
  if added > 0 then
    for priority, entries in pairs(by_priority) do
      chunks(entries, function(...) redis.call('RPUSH', lane_key(host, priority), ...) end)
      lanes = with_lane(lanes, tonumber(priority))
    end
    redis.call('HSET', key, 'ids', ids, 'lanes', lanes, 'waiting', waiting + added)
    if waiting == 0 then offered[#offered + 1] = {first, host, known[4], tonumber(known[5] or 0)} end
    new = new + added
  end
end
table.sort(offered, function(a, b) return a[1] < b[1] end)
for _, host in ipairs(offered) do
  if host[3] then
    redis.call('ZADD', turns_key(host[3]), next_turn(), host[2])
  else
    redis.call('ZADD', free, math.max(next_turn(), host[4]), host[2])
  end
end
redis.call('HSET', base, 'shards', shards, 'seen', seen_urls)
redis.call('HINCRBY', base, 'added', new)
redis.call('HINCRBY', base, 'waiting', new)
redis.call('HSET', calls, ARGV[1] .. ':add', string.format('%d %d %d', ARGV[2], new, seen))
return {new, seen}
