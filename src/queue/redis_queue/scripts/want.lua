-- Asks a worker to let go of hosts that have URLs. ARGV: the worker that wants some, the worker that has some, how many.
-- Returns how many were asked for.
local asked, left = 0, tonumber(ARGV[3])
for _, session in ipairs(redis.call('ZRANGE', sessions, 0, -1)) do
  if worker_of(session) == ARGV[2] then
    for _, host in ipairs(redis.call('ZRANGE', turns_key(session), 0, left + 15)) do
      if asked < left and redis.call('SADD', wanted_key(session), host) == 1 then
        redis.call('HSET', host_key(host), 'wanted', ARGV[1])
        asked = asked + 1
      end
    end
  end
end
return asked
