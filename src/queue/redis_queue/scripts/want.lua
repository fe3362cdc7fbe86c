-- Asks a worker to let go of hosts that have URLs. ARGV: the worker that wants some, the worker that has some, how many,
-- with those that it was asked for before and still has. Returns how many more were asked for.
local asked, left = 0, tonumber(ARGV[3])
local function ask(session, host)
  if asked < left and redis.call('SADD', wanted_key(session), host) == 1 then
    redis.call('HSET', host_key(host), 'wanted', ARGV[1])
    asked = asked + 1
  end
end
for _, session in ipairs(redis.call('ZRANGE', sessions, 0, -1)) do
  if worker_of(session) == ARGV[2] then
    for _, host in ipairs(redis.call('SMEMBERS', wanted_key(session))) do
      if redis.call('HGET', host_key(host), 'wanted') == ARGV[1] then left = left - 1 end
    end
    if asked < left then
      for _, host in ipairs(redis.call('ZRANGE', turns_key(session), 0, left + 15)) do ask(session, host) end
    end
    -- Of other hosts all URLs are leased.
    if asked < left then
      for _, host in ipairs(redis.call('SMEMBERS', owned_key(session))) do
        if asked < left and redis.call('HLEN', leased_key(host)) > 0 then ask(session, host) end
      end
    end
  end
end
return asked
