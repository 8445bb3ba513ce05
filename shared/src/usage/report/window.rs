//! The time that a report is about, and which of its hours the hourly sums can answer for.

use crate::tenancy::standing::words;
use std::str::FromStr;
use time::{Duration, OffsetDateTime, UtcOffset};
use uuid::Uuid;

/// From one moment to another, which is not part of it. The time of a request is that of its id, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// Its beginning.
    pub from: OffsetDateTime,
    /// Its end.
    pub to: OffsetDateTime,
}

/// A stretch of time up to now, in steps of the calendar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Period {
    /// This hour and the 23 before it.
    Hours24,
    /// Today and the six days before.
    Days7,
    /// Today and the 29 days before.
    Days30,
    /// Today.
    Day,
    /// This week, from Monday on.
    Week,
    /// This month.
    Month,
}

words!(Period: Hours24 = "24h", Days7 = "7d", Days30 = "30d", Day = "day", Week = "week", Month = "month");

impl Period {
    /// Those that charts are drawn of.
    pub const OF_CHARTS: [Self; 3] = [Self::Hours24, Self::Days7, Self::Days30];

    /// The step that the calendar goes by, as the database calls it, and how many of them it has.
    pub fn steps(self) -> (&'static str, i32) {
        match self {
            Self::Hours24 => ("hour", 24),
            Self::Days7 => ("day", 7),
            Self::Days30 => ("day", 30),
            Self::Day => ("day", 1),
            Self::Week => ("week", 1),
            Self::Month => ("month", 1),
        }
    }
}

/// Part of a window whose rows are read one by one, because an hour of it is only partly in the window, or in two of its steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cut {
    /// The hour's beginning.
    pub hour: OffsetDateTime,
    /// The first id of the part.
    pub first: Uuid,
    /// The first id that is no part of it.
    pub end: Uuid,
}

impl Window {
    /// The beginning of its first hour, and the end of its last.
    pub fn hours(&self) -> (OffsetDateTime, OffsetDateTime) {
        let (first, last) = (whole_hour(self.from), whole_hour(self.to));
        (first, if last < self.to { last + Duration::HOUR } else { last })
    }

    /// The first id in it, and the first behind it.
    pub fn ids(&self) -> (Uuid, Uuid) {
        (first_id(self.from), first_id(self.to))
    }

    /// What sums by hour cannot answer, given the boundaries of steps within.
    pub fn cuts(&self, steps: &[OffsetDateTime]) -> Vec<Cut> {
        let mut hours: Vec<OffsetDateTime> = [self.from, self.to]
            .iter()
            .chain(steps)
            .filter(|at| whole_hour(**at) != **at)
            .map(|at| whole_hour(*at))
            .collect();
        hours.sort_unstable();
        hours.dedup();
        let part = |hour: OffsetDateTime| Cut {
            hour,
            first: first_id(hour.max(self.from)),
            end: first_id((hour + Duration::HOUR).min(self.to)),
        };
        hours.into_iter().map(part).filter(|cut| cut.first < cut.end).collect()
    }

    /// All of it, row by row: for what there are no sums of.
    pub fn whole(&self) -> Vec<Cut> {
        let (first, end) = self.ids();
        vec![Cut { hour: whole_hour(self.from), first, end }]
    }
}

fn whole_hour(at: OffsetDateTime) -> OffsetDateTime {
    let at = at.to_offset(UtcOffset::UTC);
    at - Duration::nanoseconds(i64::try_from(at.unix_timestamp_nanos().rem_euclid(3_600_000_000_000)).unwrap_or(0))
}

/// The smallest id of the first millisecond that is not before a moment. The same as `app.first_request_id`.
fn first_id(at: OffsetDateTime) -> Uuid {
    let nanos = u128::try_from(at.unix_timestamp_nanos()).unwrap_or(0);
    Uuid::from_u128((nanos.div_ceil(1_000_000) & 0xffff_ffff_ffff) << 80)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tenancy::RequestId;
    use time::macros::datetime;

    fn hours_of(cuts: &[Cut]) -> Vec<OffsetDateTime> {
        cuts.iter().map(|cut| cut.hour).collect()
    }

    #[test]
    fn hours_that_are_whole_are_not_cut() {
        let window = Window { from: datetime!(2026-11-01 00:00 UTC), to: datetime!(2026-12-01 00:00 UTC) };
        assert!(window.cuts(&[datetime!(2026-11-02 00:00 UTC), datetime!(2026-11-03 01:00 +1)]).is_empty());
        assert_eq!(window.hours(), (window.from, window.to));
    }

    #[test]
    fn an_hour_with_a_boundary_in_it_is_read_row_by_row_and_only_as_far_as_the_window_goes() {
        let window = Window { from: datetime!(2026-11-01 10:20 UTC), to: datetime!(2026-11-01 12:40 UTC) };
        let cuts = window.cuts(&[datetime!(2026-11-01 17:00 +5:30), datetime!(2026-11-01 10:50 UTC)]);
        let expected =
            [datetime!(2026-11-01 10:00 UTC), datetime!(2026-11-01 11:00 UTC), datetime!(2026-11-01 12:00 UTC)];
        assert_eq!(hours_of(&cuts), expected);
        assert_eq!(cuts[0].first, first_id(window.from), "from the window's beginning");
        assert_eq!(cuts[2].end, first_id(window.to), "to the window's end");
        assert_eq!(window.hours(), (datetime!(2026-11-01 10:00 UTC), datetime!(2026-11-01 13:00 UTC)));
    }

    #[test]
    fn a_window_within_one_hour_is_one_cut() {
        let window = Window { from: datetime!(2026-11-01 10:20 UTC), to: datetime!(2026-11-01 10:30 UTC) };
        let cuts = window.cuts(&[]);
        assert_eq!(hours_of(&cuts), [datetime!(2026-11-01 10:00 UTC)]);
        assert_eq!((cuts[0].first, cuts[0].end), window.ids());
    }

    #[test]
    fn an_id_is_of_the_millisecond_in_which_it_was_made() {
        let at = datetime!(2026-11-01 10:20:30.123 UTC);
        let millis = u64::try_from(at.unix_timestamp_nanos() / 1_000_000).expect("after 1970");
        let id = RequestId::generate(std::time::Duration::from_millis(millis));
        assert_eq!(id.time(), at);
        assert!(first_id(at) <= *id.as_uuid(), "its millisecond begins with it");
        assert!(first_id(at + Duration::nanoseconds(1)) > *id.as_uuid(), "a moment later is the next millisecond");
    }
}
