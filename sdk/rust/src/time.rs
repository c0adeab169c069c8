//! Time, in the contract's unit: milliseconds since the Unix epoch, UTC.

/// Now, by the host's clock.
pub fn now_ms() -> i64 {
    #[cfg(target_arch = "wasm32")]
    {
        let now = crate::bindings::host::wasi::clocks::wall_clock::now();
        i64::try_from(now.seconds).unwrap_or(i64::MAX / 1000).saturating_mul(1000)
            + i64::from(now.nanoseconds / 1_000_000)
    }
    #[cfg(not(target_arch = "wasm32"))]
    crate::native::now_ms()
}

/// Read RFC 3339 ("2026-11-22T10:54:03Z", "2026-11-22T10:54:03.5+02:00"); `None` when the text is something else.
// Payloads are full of times: inlined, so that it is optimised together with the parser that calls it.
#[inline]
pub fn parse(text: &str) -> Option<i64> {
    let bytes = text.as_bytes();
    let number = |from: usize, to: usize| -> Option<i64> {
        bytes
            .get(from..to)?
            .iter()
            .try_fold(0i64, |sum, byte| byte.is_ascii_digit().then(|| sum * 10 + i64::from(byte - b'0')))
    };
    let is = |at: usize, wanted: &[u8]| bytes.get(at).is_some_and(|byte| wanted.contains(byte));
    if !(is(4, b"-") && is(7, b"-") && is(10, b"Tt ") && is(13, b":") && is(16, b":")) {
        return None;
    }
    let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
    let (hour, minute, second) = (number(11, 13)?, number(14, 16)?, number(17, 19)?);
    // A leap second is read as the second after it, which is what clocks show.
    if year < 1 || !(1..=days_of_month(year, month)).contains(&day) || hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let mut at = 19;
    let mut millis = 0;
    if is(at, b".") {
        at += 1;
        bytes.get(at).filter(|byte| byte.is_ascii_digit())?;
        let mut scale = 100;
        while let Some(digit) = bytes.get(at).filter(|byte| byte.is_ascii_digit()) {
            millis += i64::from(digit - b'0') * scale;
            scale /= 10;
            at += 1;
        }
    }
    let offset_minutes = match bytes.get(at)? {
        b'Z' | b'z' if bytes.len() == at + 1 => 0,
        sign @ (b'+' | b'-') if bytes.len() == at + 6 && is(at + 3, b":") => {
            let (hours, minutes) = (number(at + 1, at + 3)?, number(at + 4, at + 6)?);
            if hours > 23 || minutes > 59 {
                return None;
            }
            let minutes = hours * 60 + minutes;
            if *sign == b'-' { -minutes } else { minutes }
        }
        _ => return None,
    };
    let seconds =
        days_from_civil(year, month, day) * 86_400 + hour * 3_600 + minute * 60 + second - offset_minutes * 60;
    Some(seconds * 1000 + millis)
}

/// Write RFC 3339 in whole seconds, UTC ("2026-11-22T10:54:03Z").
pub fn format(ms: i64) -> String {
    let seconds = ms.div_euclid(1000);
    let (days, rest) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let (year, month, day) = civil_from_days(days);
    format!("{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}Z", rest / 3_600, rest / 60 % 60, rest % 60)
}

/// None at all in a month that there is not.
#[inline]
fn days_of_month(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => 0,
    }
}

// Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms": years begin in March, eras have 400 of them.
#[inline]
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_of_year = (5 * day_of_year + 2) / 153;
    let month = if month_of_year < 10 { month_of_year + 3 } else { month_of_year - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, day_of_year - (153 * month_of_year + 2) / 5 + 1)
}

#[cfg(test)]
mod tests {
    use super::{format, parse};

    /// What every SDK makes of a text is the same.
    #[test]
    fn texts_are_read_as_every_sdk_reads_them() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../dates.json");
        let table: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
        let cases = table["cases"].as_array().unwrap();
        assert!(cases.len() > 50);
        for case in cases {
            let text = case[0].as_str().unwrap();
            assert_eq!(parse(text), case[1].as_i64(), "{text:?}");
        }
    }

    #[test]
    fn what_is_written_is_read_back() {
        for day in -800_000..800_000_i64 {
            let ms = day * 86_400_000 + (day.rem_euclid(86_400)) * 1000;
            if (1..=9999).contains(&super::civil_from_days(day).0) {
                assert_eq!(parse(&format(ms)), Some(ms), "{}", format(ms));
            }
        }
    }
}
