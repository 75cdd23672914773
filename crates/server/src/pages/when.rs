//! Times as people read them, the same in every language: `2026-11-21 21:43 UTC`.

use std::fmt;

use firman_proto::time::Timestamp;

/// A time, for people.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct When(pub Timestamp);

impl When {
    /// The day alone.
    pub fn day(self) -> String {
        let (year, month, day) = date(self.0.seconds().div_euclid(86_400));
        format!("{year:04}-{month:02}-{day:02}")
    }

    /// As machines read it in HTML (`datetime`).
    pub fn machine(self) -> String {
        let (hours, minutes) = self.clock();
        format!("{}T{hours:02}:{minutes:02}Z", self.day())
    }

    fn clock(self) -> (i64, i64) {
        let seconds = self.0.seconds().rem_euclid(86_400);
        (seconds / 3600, seconds / 60 % 60)
    }
}

impl fmt::Display for When {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (hours, minutes) = self.clock();
        write!(f, "{} {hours:02}:{minutes:02} UTC", self.day())
    }
}

/// Year, month and day of a day since 1970 in the Gregorian calendar. Years begin in March, so that a leap day is a year's last.
fn date(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let (era, day_of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    (era * 400 + year_of_era + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_shown_as_its_day_and_minute() {
        for (seconds, text) in [
            (0, "1970-01-01 00:00 UTC"),
            (951_782_399, "2000-02-28 23:59 UTC"),
            (951_782_400, "2000-02-29 00:00 UTC"),
            (1_709_164_740, "2024-02-28 23:59 UTC"),
            (1_735_689_599, "2024-12-31 23:59 UTC"),
            (4_107_542_400, "2100-03-01 00:00 UTC"),
            (-1, "1969-12-31 23:59 UTC"),
        ] {
            assert_eq!(When(Timestamp::from_seconds(seconds)).to_string(), text);
        }
        assert_eq!(When(Timestamp::from_seconds(60)).machine(), "1970-01-01T00:01Z");
    }
}
