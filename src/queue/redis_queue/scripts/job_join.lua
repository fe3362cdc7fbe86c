-- Makes the job if there is none and the worker may make one. ARGV: version, partitions, options, whether it may.
-- Returns version, partitions, options and the time at which the job was made.
if redis.call('EXISTS', base) == 0 and ARGV[4] == '1' then
  redis.call('HSET', base, 'version', ARGV[1], 'partitions', ARGV[2], 'options', ARGV[3], 'created', now)
end
return redis.call('HMGET', base, 'version', 'partitions', 'options', 'created')
