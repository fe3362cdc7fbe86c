-- Claims a list for a worker that wants to load it. ARGV: worker, time of a lease, digest, name. Returns `load`,
-- `loading` or `loaded`.
local state = redis.call('HGET', lists, ARGV[3])
local worker = state and string.match(state, '^%S+')
if worker == 'loaded' then return 'loaded' end
if worker and worker ~= ARGV[1] and is_alive(worker) then return 'loading' end
redis.call('ZADD', alive, now + tonumber(ARGV[2]), ARGV[1])
redis.call('HSET', lists, ARGV[3], ARGV[1] .. ' ' .. ARGV[4])
return 'load'
