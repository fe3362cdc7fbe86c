-- Stores the records of lines that are no URLs, each once. ARGV: of each: its list and line, record.
for at = 1, #ARGV, 2 do
  if redis.call('HSETNX', base .. ':bad', ARGV[at], ARGV[at + 1]) == 1 then redis.call('HINCRBY', base, 'failed', 1) end
end
return 0
