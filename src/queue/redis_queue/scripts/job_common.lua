-- What the scripts of a job begin with. KEYS[1] is the hash of the job. Times are microseconds of the server's clock.
local base = KEYS[1]
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000000 + tonumber(time[2])
-- The deadlines of workers, and what they say of themselves.
local alive, workers = base .. ':alive', base .. ':workers'
-- The lists by digest: `loaded` or the worker that loads it, and its name.
local lists = base .. ':lists'

local function is_alive(worker)
  local deadline = redis.call('ZSCORE', alive, worker)
  return deadline and tonumber(deadline) > now
end
