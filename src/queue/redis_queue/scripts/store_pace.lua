-- Stores the pace of hosts that stay leased. ARGV: session, and of each host: host, time until it is due, its pace.
for at = 2, #ARGV, 3 do
  local key = host_key(ARGV[at])
  if redis.call('HGET', key, 'owner') == ARGV[1] then
    redis.call('HSET', key, 'due', now + tonumber(ARGV[at + 1]), 'pace', ARGV[at + 2])
  end
end
return 0
