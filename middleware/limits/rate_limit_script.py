"""The script that counts the requests of an address in Redis."""

from hashlib import sha1

# A list per address: the number of requests admitted before the oldest batch, then for each batch its time in
# microseconds and the number admitted including it. A batch is one push, and one pop when it leaves the window.
# Above a thousand calls, batches within one thousandth of the period merge and keep the last time. So memory is
# bounded, and rounding makes the limit stricter, never looser.
SCRIPT = """
local key = KEYS[1]
local calls, period, wanted, grain = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local clock = redis.call('TIME')
local now = clock[1] * 1000000 + clock[2]

local head = redis.call('LRANGE', key, 0, 1)
while head[2] and math.abs(now - head[2]) > period do
  redis.call('LPOP', key, 2)
  head = redis.call('LRANGE', key, 0, 1)
end

local tail = redis.call('LRANGE', key, -2, -1)
local total = tonumber(tail[#tail] or 0)
local used = total - (head[1] or 0)
local admitted = math.max(0, math.min(wanted, calls - used))
if admitted > 0 then
  if #tail == 0 then
    redis.call('RPUSH', key, 0, now, admitted)
  elseif #tail == 2 and grain > 0 and math.floor(now / grain) == math.floor(tail[1] / grain) then
    redis.call('LSET', key, -2, now)
    redis.call('LSET', key, -1, total + admitted)
  else
    redis.call('RPUSH', key, now, total + admitted)
  end
  redis.call('PEXPIRE', key, math.ceil(period / 1000) + 1)
end
return {admitted, math.max(0, calls - used - admitted), (head[2] or now) + period - now}
"""
SHA = sha1(SCRIPT.encode()).hexdigest()  # noqa: S324 # Redis identifies scripts by it
