-- Appends texts that all workers are told, each once. ARGV: texts.
local notes = base .. ':notes'
for _, note in ipairs(ARGV) do
  if not redis.call('LPOS', notes, note) then redis.call('RPUSH', notes, note) end
end
return 0
