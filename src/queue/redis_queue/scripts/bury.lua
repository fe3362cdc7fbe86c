-- Stores the record of URLs whose lease expired too often. ARGV: of each: its field, record.
for at = 1, #ARGV, 2 do
  local url = redis.call('HGET', dying, ARGV[at])
  if url then
    redis.call('HDEL', dying, ARGV[at])
    redis.call('HSET', base .. ':dead:urls', ARGV[at], url)
    redis.call('HSET', base .. ':dead:records', ARGV[at], ARGV[at + 1])
    redis.call('HINCRBY', base, 'leased', -1)
    redis.call('HINCRBY', base, 'failed', 1)
  end
end
return 0
