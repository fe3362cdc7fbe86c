-- Notes that a worker lives. ARGV: worker, time of a lease, what it says of itself, the time at which its job was made:
-- another job may have the name now. Returns whether the job is paused, whether a worker that lives loads a
-- list, and of each other worker that lives: worker, what it says.
if redis.call('HGET', base, 'created') ~= ARGV[4] then return redis.error_reply(GONE) end
local lease = tonumber(ARGV[2])
redis.call('ZADD', alive, now + lease, ARGV[1])
redis.call('HSET', workers, ARGV[1], ARGV[3])
-- The dead are listed for some time.
for _, worker in ipairs(redis.call('ZRANGEBYSCORE', alive, '-inf', now - 100 * lease, 'LIMIT', 0, 100)) do
  redis.call('ZREM', alive, worker)
  redis.call('HDEL', workers, worker)
end
local others, loading = {}, 0
for _, worker in ipairs(redis.call('ZRANGEBYSCORE', alive, now, '+inf')) do
  if worker ~= ARGV[1] then
    others[#others + 1] = worker
    others[#others + 1] = redis.call('HGET', workers, worker) or ''
  end
end
for _, state in ipairs(redis.call('HVALS', lists)) do
  local worker = string.match(state, '^%S+')
  if worker ~= 'loaded' and is_alive(worker) then loading = 1 end
end
return {redis.call('HEXISTS', base, 'paused'), loading, others}
