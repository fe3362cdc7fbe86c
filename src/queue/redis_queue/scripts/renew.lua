-- Renews a session. ARGV: session or nothing, time of a lease. Returns the state, wanted hosts, URLs that wait for
-- their record, and the number of its hosts that have URLs.
local lease = tonumber(ARGV[2])
note_call(lease)
local state, wanted = 'ok', {}
if ARGV[1] ~= '' then
  if is_live(ARGV[1]) then
    redis.call('ZADD', sessions, now + lease, ARGV[1])
    wanted = redis.call('SMEMBERS', wanted_key(ARGV[1]))
  else
    state = 'lost'
  end
end
reap()
return {state, wanted, some_dying(), redis.call('ZCARD', turns_key(ARGV[1]))}
