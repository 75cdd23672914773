//! Times as people and their tools write them (RFC 3339).

use crate::time::Timestamp;

const DAY: i64 = 86_400_000;

/// A time in UTC, to the millisecond: `2026-11-21T23:05:09.120Z`. What is after the year 9999 is its end.
pub fn format(time: Timestamp) -> String {
    // RFC 3339 §5.6: date-time. Four digits of a year are all it has.
    let millis = time.millis().clamp(-62_135_596_800_000, 253_402_300_799_999);
    let (day, of_day) = (millis.div_euclid(DAY), millis.rem_euclid(DAY));
    let (year, month, day) = civil(day);
    let (hour, minute, second, milli) = (of_day / 3_600_000, of_day / 60_000 % 60, of_day / 1000 % 60, of_day % 1000);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{milli:03}Z")
}

/// Reads a time in UTC, with or without parts of a second, or a date, which is its first moment. A leap second is the next second.
pub fn parse(text: &str) -> Option<Timestamp> {
    let (date, time) = match text.split_once(['T', 't', ' ']) {
        Some((date, time)) => (date, Some(time.strip_suffix(['Z', 'z'])?)),
        None => (text, None),
    };
    let mut parts = date.split('-');
    let (year, month, day) = (number(parts.next()?, 4)?, number(parts.next()?, 2)?, number(parts.next()?, 2)?);
    let days = days_of(year, month, day);
    if parts.next().is_some() || civil(days) != (year, month, day) {
        return None;
    }
    let mut millis = days.checked_mul(DAY)?;
    if let Some(time) = time {
        let (whole, part) = time.split_once('.').map_or((time, None), |(whole, part)| (whole, Some(part)));
        let mut parts = whole.split(':');
        let (hour, minute, second) = (number(parts.next()?, 2)?, number(parts.next()?, 2)?, number(parts.next()?, 2)?);
        if parts.next().is_some() || hour > 23 || minute > 59 || second > 60 {
            return None;
        }
        millis += ((hour * 60 + minute) * 60 + second) * 1000;
        if let Some(part) = part {
            let digits = part.len();
            if digits == 0 || !part.bytes().all(|b| b.is_ascii_digit()) {
                return None;
            }
            millis += part.bytes().chain(*b"00").take(3).fold(0, |sum, digit| sum * 10 + i64::from(digit - b'0'));
        }
    }
    Some(Timestamp::from_millis(millis))
}

fn number(text: &str, digits: usize) -> Option<i64> {
    (text.len() == digits && text.bytes().all(|b| b.is_ascii_digit())).then(|| text.parse().ok())?
}

/// Year, month and day of so many days after 1970-01-01, in the Gregorian calendar; years begin in March here, so that a leap day is the last.
fn civil(days: i64) -> (i64, i64, i64) {
    // 400 years have 146097 days, whichever they are.
    let shifted = days + 719_468;
    let (era, of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

fn days_of(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let from_march = if month > 2 { month - 3 } else { month + 9 };
    let of_year = (153 * from_march + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    // RFC 3339 §5.6.
    #[test]
    fn times_are_written_and_read() {
        for (text, millis) in [
            ("1985-04-12T23:20:50.520Z", 482_196_050_520),
            ("1970-01-01T00:00:00.000Z", 0),
            ("1969-12-31T23:59:59.999Z", -1),
            ("2000-02-29T12:00:00.000Z", 951_825_600_000),
            ("2024-12-31T00:00:00.001Z", 1_735_603_200_001),
            ("9999-12-31T23:59:59.999Z", 253_402_300_799_999),
        ] {
            assert_eq!(format(Timestamp::from_millis(millis)), text);
            assert_eq!(parse(text), Some(Timestamp::from_millis(millis)), "{text}");
        }
        assert_eq!(format(Timestamp::NEVER), "9999-12-31T23:59:59.999Z");
    }

    #[test]
    fn every_day_of_four_centuries_comes_back() {
        for day in 0..146_100 {
            let time = Timestamp::from_millis((day - 40_000) * DAY);
            assert_eq!(parse(&format(time)), Some(time));
        }
    }

    #[test]
    fn a_date_is_its_first_moment_and_what_is_no_time_is_none() {
        assert_eq!(parse("2000-02-29"), parse("2000-02-29T00:00:00Z"));
        assert_eq!(parse("1985-04-12T23:20:50.5Z"), parse("1985-04-12 23:20:50.500999z"));
        assert_eq!(parse("1990-12-31T23:59:60Z"), parse("1991-01-01"));
        for text in [
            "",
            "2023-02-29",
            "2023-13-01",
            "2023-00-10",
            "23-01-01",
            "2023-1-1",
            "2023-01-01T24:00:00Z",
            "2023-01-01T00:00Z",
            "2023-01-01T00:00:00",
            "2023-01-01T00:00:00.Z",
            "2023-01-01T00:00:00.xZ",
            "2023-01-01T00:00:00+01:00",
            "+023-01-01",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
