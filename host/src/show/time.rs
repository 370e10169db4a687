//! Moments and durations.

use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::DateTime;

use super::console;

/// A moment in the time zone of whoever reads: `2026-11-23 14:05:09`.
pub fn moment(milliseconds: i64) -> String {
    match Timestamp::from_millisecond(milliseconds) {
        Ok(moment) => moment.to_zoned(console::zone()).strftime("%Y-%m-%d %H:%M:%S").to_string(),
        Err(_) => "?".into(),
    }
}

/// A moment for programs: RFC 3339, in UTC.
pub fn rfc3339(milliseconds: i64) -> String {
    Timestamp::from_millisecond(milliseconds).map(|moment| moment.to_string()).unwrap_or_default()
}

/// The moment that somebody means: RFC 3339, a date, a date and a time of day in the local time zone,
/// or how long ago: `30m`, `12h`, `7d`.
///
/// # Errors
/// What says no moment.
pub fn parse(text: &str, now: i64) -> Result<i64, String> {
    let ago = text.split_at_checked(text.len().saturating_sub(1)).and_then(|(number, unit)| {
        let seconds = match unit {
            "s" => 1,
            "m" => 60,
            "h" => 60 * 60,
            "d" => 24 * 60 * 60,
            _ => return None,
        };
        number.parse::<u32>().ok().map(|number| now.saturating_sub(i64::from(number) * seconds * 1000))
    });
    let absolute = || text.parse::<Timestamp>().ok();
    let local = || text.parse::<DateTime>().ok()?.to_zoned(console::zone()).ok().map(|moment| moment.timestamp());
    ago.or_else(|| absolute().or_else(local).map(|moment| moment.as_millisecond()))
        .ok_or_else(|| "no moment: say `2026-11-23`, `2026-11-23T14:05:09Z`, or how long ago, `12h` or `7d`".to_owned())
}

/// A duration with three digits at most: `850 us`, `12 ms`, `3.2 s`, `4 min 5 s`.
pub fn duration(duration: Duration) -> String {
    let seconds = duration.as_secs_f64();
    if duration < Duration::from_millis(1) {
        format!("{} us", duration.as_micros())
    } else if duration < Duration::from_secs(1) {
        format!("{} ms", duration.as_millis())
    } else if seconds < 60.0 {
        format!("{seconds:.1} s")
    } else {
        format!("{} min {} s", duration.as_secs() / 60, duration.as_secs() % 60)
    }
}

/// A number of bytes: `512 B`, `1.5 KiB`.
pub fn bytes(number: u64) -> String {
    const UNITS: [&str; 4] = ["KiB", "MiB", "GiB", "TiB"];
    if number < 1024 {
        return format!("{number} B");
    }
    #[expect(clippy::cast_precision_loss, reason = "one decimal is shown")]
    let mut value = number as f64 / 1024.0;
    let mut unit = 0;
    while value >= 1024.0 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    format!("{value:.1} {}", UNITS[unit])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_stay_short() {
        let of = |micros| duration(Duration::from_micros(micros));
        assert_eq!(of(850), "850 us");
        assert_eq!(of(12_400), "12 ms");
        assert_eq!(of(3_249_000), "3.2 s");
        assert_eq!(of(245_000_000), "4 min 5 s");
    }

    #[test]
    fn moments_are_told_in_several_ways() {
        let now = 1_700_000_000_000;
        assert_eq!(parse("30m", now), Ok(now - 1_800_000));
        assert_eq!(parse("7d", now), Ok(now - 7 * 86_400_000));
        assert_eq!(parse("2023-11-14T22:13:20Z", 0), Ok(now));
        assert_eq!(parse("2023-11-14T23:13:20+01:00", 0), Ok(now));
        let local = parse("2023-11-14", 0).map(moment);
        assert_eq!(local.as_deref(), Ok("2023-11-14 00:00:00"));
        for wrong in ["", "d", "7", "yesterday", "-1d", "99999999999d", "ü", "2023-13-01"] {
            assert!(parse(wrong, now).is_err(), "{wrong}");
        }
    }

    #[test]
    fn bytes_have_units() {
        assert_eq!(bytes(1023), "1023 B");
        assert_eq!(bytes(1536), "1.5 KiB");
        assert_eq!(bytes(5 << 40), "5.0 TiB");
    }
}
