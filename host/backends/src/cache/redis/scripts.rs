//! What must happen at once, as scripts that Redis runs between two other commands.
//!
//! They go by Redis' own clock, so that the clocks of hosts do not matter. Lua counts in doubles, which are exact up to
//! 2^53: microseconds since 1970 are, and so is the level of the largest bucket.

use ::redis::Script;
use std::sync::LazyLock;

/// Take from the bucket `KEYS[1]` with the rate `ARGV[1]` and the burst `ARGV[2]`: 0, or how many microseconds are
/// missing. It is `opssight_core::limits::Bucket`, line by line.
pub(super) static TAKE: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        r"
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local token = 1000000
local rate, full = tonumber(ARGV[1]), ARGV[2] * token
local level = full
local kept = redis.call('HMGET', KEYS[1], 'level', 'at')
if kept[1] and kept[2] then
  local passed = math.min(math.max(now - kept[2], 0), math.ceil(full / rate))
  level = math.min(kept[1] + passed * rate, full)
end
local wait = 0
if level >= token then
  level = level - token
else
  wait = math.ceil((token - level) / rate)
end
redis.call('HSET', KEYS[1], 'level', string.format('%.0f', level), 'at', string.format('%.0f', now))
redis.call('PEXPIRE', KEYS[1], string.format('%.0f', math.ceil((full - level) / rate / 1000) + 1))
return wait
",
    )
});

/// Forget `KEYS[1]` if it is `ARGV[1]`.
pub(super) static DELETE_IF: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        r"
if redis.call('GET', KEYS[1]) == ARGV[1] then
  return redis.call('DEL', KEYS[1])
end
return 0
",
    )
});

/// Keep `KEYS[1]` for `ARGV[2]` more milliseconds if it is `ARGV[1]`.
pub(super) static RENEW_IF: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        r"
if redis.call('GET', KEYS[1]) == ARGV[1] then
  return redis.call('PEXPIRE', KEYS[1], ARGV[2])
end
return 0
",
    )
});

/// Take the lock `KEYS[1]` as `ARGV[1]` for `ARGV[2]` milliseconds: its fence, or nothing. The last fence is remembered
/// for a month; after that, or when Redis lost it, the clock alone is higher.
pub(super) static LOCK: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        r"
if not redis.call('SET', KEYS[1], ARGV[1], 'NX', 'PX', ARGV[2]) then
  return false
end
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local last = tonumber(redis.call('GET', KEYS[2]) or '0')
local fence = string.format('%.0f', math.max(now, last + 1))
redis.call('SET', KEYS[2], fence, 'EX', 2678400)
return fence
",
    )
});
