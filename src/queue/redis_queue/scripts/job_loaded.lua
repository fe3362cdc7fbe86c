-- Notes that a list is loaded. ARGV: digest, its state.
redis.call('HSET', lists, ARGV[1], ARGV[2])
return 0
