-- Moves what a worker has to a new session, after its connection broke: calls that arrive late over the old one have no
-- effect then. ARGV: new session, time of a lease, number of old sessions, old sessions, and of each host that the
-- worker knows to have: host, count, ids of leased URLs. Returns the hosts that it has.
local session, lease, count = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
note_call(lease)
local known, at = {}, 4 + count
while at < #ARGV do
  local ids, urls = {}, tonumber(ARGV[at + 1])
  for one = at + 2, at + 1 + urls do ids[ARGV[one]] = true end
  known[ARGV[at]] = ids
  at = at + 2 + urls
end
local kept = {}
for number = 4, 3 + count do
  local old = ARGV[number]
  if is_live(old) then
    redis.call('ZADD', sessions, now + lease, session)
    for _, host in ipairs(redis.call('SMEMBERS', owned_key(old))) do
      local ids = known[host]
      if not ids then
        let_go(host, old, 0)
      else
        local items, leased = {}, leased_key(host)
        local urls = redis.call('HGETALL', leased)
        for url = 1, #urls, 2 do
          if not ids[urls[url]] then
            items[#items + 1] = item(urls[url], urls[url + 1])
            redis.call('HDEL', leased, urls[url])
          end
        end
        redis.call('HSET', host_key(host), 'owner', session)
        redis.call('SADD', owned_key(session), host)
        local turn = redis.call('ZSCORE', turns_key(old), host)
        if turn then redis.call('ZADD', turns_key(session), turn, host) end
        if redis.call('SISMEMBER', wanted_key(old), host) == 1 then redis.call('SADD', wanted_key(session), host) end
        put_back(host, items)
        kept[#kept + 1] = host
      end
    end
    redis.call('UNLINK', owned_key(old), turns_key(old), wanted_key(old))
    redis.call('ZREM', sessions, old)
  end
end
return kept
