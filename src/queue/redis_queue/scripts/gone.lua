-- Comes first in all scripts but that which makes a job. A job that was removed is not made again by a late call.
local GONE = 'GONE the job is no longer there'
if redis.call('EXISTS', KEYS[1]) == 0 then return redis.error_reply(GONE) end
