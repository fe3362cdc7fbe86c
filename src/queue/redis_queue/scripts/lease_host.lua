-- Leases one host. ARGV: session, time of a lease, whether the session is new, host. Returns the state and, if this
-- session has the host then, the time until it is due and its pace.
local session, lease, host = ARGV[1], tonumber(ARGV[2]), ARGV[4]
note_call(lease)
reap()
if ARGV[3] == '1' then
  redis.call('ZADD', sessions, now + lease, session)
elseif not is_live(session) then
  return {'lost'}
end
local key = host_key(host)
local owner = redis.call('HGET', key, 'owner')
if owner and owner ~= session then
  redis.call('HSET', key, 'wanted', worker_of(session))
  redis.call('SADD', wanted_key(owner), host)
  return {'busy'}
end
if not owner and is_reserved(host, session) then return {'busy'} end
local due_in, pace = own(host, session)
if not owner and field(key, 'waiting') > 0 then redis.call('ZADD', turns_key(session), next_turn(), host) end
return {'ok', string.format('%.0f', due_in), pace}
