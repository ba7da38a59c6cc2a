-- Takes a turn of a token, or reserves the next one: below both limits, or not at all. Times are microseconds of the
-- server's clock.
--
-- KEYS: the requests, each with the time of its turn; the other state (epoch, pause, the service's count).
-- ARGV: see `Question` in turn.rs. Returns the epoch, how long to wait, and whether the turn is taken or reserved.
local requests, state = KEYS[1], KEYS[2]
local member, horizon, grace = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local minute, per_minute = tonumber(ARGV[4]), tonumber(ARGV[5])
local hour, per_hour = tonumber(ARGV[6]), tonumber(ARGV[7])
local known_epoch, new_epoch, settle = ARGV[8], ARGV[9], tonumber(ARGV[10])
local pause, used, age = tonumber(ARGV[11]), tonumber(ARGV[12]), tonumber(ARGV[13])
local FIRST_REPORT = 14

local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]

local function pause_until(at)
  local before = tonumber(redis.call('HGET', state, 'pause') or 0)
  redis.call('HSET', state, 'pause', math.max(before, at))
end

-- A client with another epoch has reported to a server that has lost its state since: it must report again.
redis.call('HSETNX', state, 'epoch', new_epoch)
local epoch = redis.call('HGET', state, 'epoch')
if known_epoch ~= '' and known_epoch ~= epoch then
  return {epoch, 0, 0}
end
-- Others may have to report, too, before the first turn.
if settle > 0 and redis.call('HSETNX', state, 'settled', 1) == 1 then
  pause_until(now + settle)
end
if pause > 0 then
  pause_until(now + pause)
end

-- Expired requests, and those in the future, which only a clock that was set back can leave.
redis.call('ZREMRANGEBYSCORE', requests, '-inf', now - hour)
redis.call('ZREMRANGEBYSCORE', requests, now + hour, '+inf')

-- What was sent: without a turn from here, and perhaps counted as a stranger's; or later than its turn.
local reported, earliest = 0, now
for i = FIRST_REPORT, #ARGV, 2 do
  local sent, at = ARGV[i], now - ARGV[i + 1]
  local before = tonumber(redis.call('ZSCORE', requests, sent) or nil)
  if before then
    redis.call('ZADD', requests, math.max(at, before), sent)
  elseif at > now - hour then
    redis.call('ZADD', requests, at, sent)
    reported = reported + 1
    earliest = math.min(earliest, at)
  end
end
if reported > 0 then
  for _, other in ipairs(redis.call('ZRANGEBYSCORE', requests, earliest, '+inf')) do
    if reported > 0 and string.sub(other, 1, 9) == 'stranger:' then
      redis.call('ZREM', requests, other)
      reported = reported - 1
    end
  end
end

-- The service's count: if it is higher than what is known, strangers use the token.
if used >= 0 then
  local at, last = now - age, tonumber(redis.call('HGET', state, 'used_at') or 0)
  if at > last + grace or used > tonumber(redis.call('HGET', state, 'used')) then
    redis.call('HSET', state, 'used', used, 'used_at', at)
  end
  -- Their use before the first response may be up to an hour ago, and doesn't count for this minute.
  local when = now
  if redis.call('HSETNX', state, 'observed', 1) == 1 then
    when = now - minute
  end
  local strangers = math.min(used, per_hour) - redis.call('ZCOUNT', requests, '-inf', now)
  for i = 1, strangers do
    redis.call('ZADD', requests, when, string.format('stranger:%.0f:%d', now, i))
  end
end

-- If the service's count is lower than what is known, after all requests have arrived, turns were not used: removes the
-- oldest ones, as a guess.
local function forget_unused()
  local counted, at = redis.call('HGET', state, 'used'), tonumber(redis.call('HGET', state, 'used_at') or 0)
  local last = redis.call('ZREVRANGEBYSCORE', requests, now, '-inf', 'WITHSCORES', 'LIMIT', 0, 1)
  if not counted or not last[2] or tonumber(last[2]) > math.min(at, now - grace) then
    return
  end
  -- None of this minute: a response's count may be older than the last request.
  local unused = redis.call('ZCOUNT', requests, '-inf', now) - counted
  unused = math.min(unused, redis.call('ZCOUNT', requests, '-inf', now - minute))
  if unused > 0 then
    redis.call('ZREMRANGEBYRANK', requests, 0, unused - 1)
  end
end

local function score_at(rank)
  local entry = redis.call('ZRANGE', requests, rank, rank, 'WITHSCORES')
  return tonumber(entry[2])
end

local function keep()
  redis.call('PEXPIRE', requests, math.ceil(hour / 500))
  redis.call('PEXPIRE', state, math.ceil(hour / 500))
end

-- When the request at a rank is below both limits: after the ones that it must follow have expired.
local function not_before(at, rank)
  for _, window in ipairs({{per_minute, minute}, {per_hour, hour}}) do
    if rank >= window[1] then
      at = math.max(at, score_at(rank - window[1]) + window[2])
    end
  end
  return at
end

-- When one more request is below both limits, after all reserved ones.
local function next_turn(paused)
  local at = math.max(now, paused, score_at(-1) or 0)
  return not_before(at, redis.call('ZCARD', requests))
end

keep()
if member == '' then
  return {epoch, 0, 0}
end
if horizon < 0 then
  redis.call('ZADD', requests, now, member)
  keep()
  return {epoch, 0, 1}
end
local paused = tonumber(redis.call('HGET', state, 'pause') or 0)
local reserved = tonumber(redis.call('ZSCORE', requests, member) or nil)
if reserved and (paused <= now or paused <= reserved) then
  -- It is sent now, which may be later than reserved, and so may those before it.
  local at = math.max(now, reserved)
  redis.call('ZADD', requests, at, member)
  at = not_before(at, redis.call('ZRANK', requests, member))
  redis.call('ZADD', requests, at, member)
  return {epoch, at - now, 1}
end
if reserved then
  redis.call('ZREM', requests, member)
end
local at = next_turn(paused)
if at - now > minute then
  forget_unused()
  at = next_turn(paused)
end
if at - now > horizon then
  return {epoch, at - now, 0}
end
redis.call('ZADD', requests, at, member)
keep()
return {epoch, at - now, 1}
