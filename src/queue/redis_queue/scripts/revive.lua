-- Puts URLs of the dead letters back to those that wait, and removes their records. ARGV: the most. Returns how many.
local fields = redis.call('HRANDFIELD', base .. ':dead:urls', ARGV[1])
for _, name in ipairs(fields) do
  local host, id = string.match(name, '^(.*) (%d+)$')
  local priority, at = string.match(redis.call('HGET', base .. ':dead:urls', name), '^(-?%d+):()')
  local payload = string.sub(redis.call('HGET', base .. ':dead:urls', name), at)
  redis.call('HDEL', base .. ':dead:urls', name)
  redis.call('HDEL', base .. ':dead:records', name)
  redis.call('HINCRBY', base, 'failed', -1)
  redis.call('HINCRBY', base, 'added', 1)
  -- It is counted as leased until it waits.
  redis.call('HINCRBY', base, 'leased', 1)
  put_back(host, {{tonumber(id), priority, 0, 0, payload}})
  local known = redis.call('HMGET', host_key(host), 'owner', 'waiting', 'due')
  if not known[1] and tonumber(known[2]) == 1 then
    redis.call('ZADD', free, math.max(next_turn(), tonumber(known[3] or 0)), host)
  end
end
return #fields
