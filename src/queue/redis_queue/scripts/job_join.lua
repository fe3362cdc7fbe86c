-- Makes the job if there is none. ARGV: version, partitions, options. Returns version, partitions, options.
if redis.call('EXISTS', base) == 0 then
  redis.call('HSET', base, 'version', ARGV[1], 'partitions', ARGV[2], 'options', ARGV[3], 'created', now)
end
return redis.call('HMGET', base, 'version', 'partitions', 'options')
