-- Ends sessions: gives back some of what they have. ARGV: sessions. Returns whether there is more.
for _, session in ipairs(ARGV) do
  if redis.call('ZSCORE', sessions, session) then
    if not end_session(session, 0) then return 1 end
    redis.call('HDEL', calls, worker_of(session) .. ':add', worker_of(session) .. ':complete')
  end
end
return 0
