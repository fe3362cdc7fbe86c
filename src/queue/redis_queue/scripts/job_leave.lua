-- Forgets a worker that ends. ARGV: worker.
redis.call('ZREM', alive, ARGV[1])
redis.call('HDEL', workers, ARGV[1])
return 0
