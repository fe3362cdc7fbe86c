-- Puts leased URLs back. ARGV: session, and of each host: host, count, and of each URL: id, attempts.
local at = 2
while at < #ARGV do
  local host, count = ARGV[at], tonumber(ARGV[at + 1])
  if redis.call('HGET', host_key(host), 'owner') == ARGV[1] then
    local items, leased = {}, leased_key(host)
    for one = at + 2, at + count * 2, 2 do
      local stored = redis.call('HGET', leased, ARGV[one])
      if stored then
        local url = item(ARGV[one], stored)
        url[4] = tonumber(ARGV[one + 1])
        items[#items + 1] = url
        redis.call('HDEL', leased, ARGV[one])
      end
    end
    put_back(host, items)
  end
  at = at + 2 + count * 2
end
return 0
