-- Commits outcomes. ARGV: session, number of the call, and of each host: host, count, and of each outcome: id, verdict
-- or nothing, record. Returns those whose lease this session has no more: host, id.
local worker = worker_of(ARGV[1])
local done = redis.call('HGET', calls, worker .. ':complete')
if done then
  local number, rest = string.match(done, '^(%d+) (.*)$')
  if tonumber(number) >= tonumber(ARGV[2]) then
    local stale = {}
    for one in string.gmatch(rest, '%S+') do stale[#stale + 1] = one end
    return stale
  end
end
local stale, records, counts, ended_leases, at = {}, {}, {}, 0, 3
while at < #ARGV do
  local host, count = ARGV[at], tonumber(ARGV[at + 1])
  local is_owner = redis.call('HGET', host_key(host), 'owner') == ARGV[1]
  for one = at + 2, at + 2 + (count - 1) * 3, 3 do
    if is_owner and redis.call('HDEL', leased_key(host), ARGV[one]) == 1 then
      ended_leases = ended_leases + 1
      local verdict = ARGV[one + 1]
      if verdict ~= '' then
        records[#records + 1] = ARGV[one + 2]
        counts[verdict] = (counts[verdict] or 0) + 1
      end
    else
      stale[#stale + 1] = host
      stale[#stale + 1] = ARGV[one]
    end
  end
  at = at + 2 + count * 3
end
chunks(records, function(...) redis.call('RPUSH', base .. ':outcomes', ...) end)
for verdict, count in pairs(counts) do redis.call('HINCRBY', base, verdict, count) end
redis.call('HINCRBY', base, 'leased', 0 - ended_leases)
redis.call('HSET', calls, worker .. ':complete', ARGV[2] .. ' ' .. table.concat(stale, ' '))
return stale
