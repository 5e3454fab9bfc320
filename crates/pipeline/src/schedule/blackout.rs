//! Times at which nothing begins.

use std::time::Duration;

use model::{Timestamp, Zone};

use super::Expression;

/// Spans of time in which no run begins by itself: each from a time of `cron` on, `lasting` long.
#[derive(Clone, Debug)]
pub struct Blackout {
    /// When they begin.
    pub cron: Expression,
    /// The zone that is told in.
    pub zone: Zone,
    /// How long each lasts.
    pub lasting: Duration,
}

/// How many spans may follow each other without a gap before nothing ever begins.
const MOST_IN_A_ROW: usize = 1_000;

impl Blackout {
    /// When the span ends that `at` lies in.
    fn end(&self, at: Timestamp) -> Option<Timestamp> {
        let mut after = at.minus(self.lasting).to_utc();
        let mut end = None;
        while let Some(begin) = self.cron.next_after(after, self.zone) {
            let begin_at = Timestamp::from(begin);
            if begin_at > at {
                break;
            }
            end = Some(begin_at.plus(self.lasting));
            after = begin;
        }
        end
    }

    fn same(&self, other: &Self) -> bool {
        self.cron.to_string() == other.cron.to_string()
            && (self.zone, self.lasting) == (other.zone, other.lasting)
    }
}

/// The first moment from `at` on that lies in none of `blackouts`; nothing if there seems to be none.
pub(super) fn first_outside(blackouts: &[Blackout], at: Timestamp) -> Option<Timestamp> {
    let mut moment = at;
    for _ in 0..MOST_IN_A_ROW {
        match blackouts.iter().filter_map(|it| it.end(moment)).max() {
            Some(end) => moment = end,
            None => return Some(moment),
        }
    }
    None
}

/// Whether both say the same.
pub(super) fn same(one: &[Blackout], other: &[Blackout]) -> bool {
    one.len() == other.len() && one.iter().zip(other).all(|(one, other)| one.same(other))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn weekend() -> Blackout {
        Blackout {
            cron: "0 18 * * fri".parse().unwrap(),
            zone: "Europe/Berlin".parse().unwrap(),
            lasting: Duration::from_hours(60),
        }
    }

    fn moment(text: &str) -> Timestamp {
        text.parse::<chrono::DateTime<chrono::Utc>>()
            .unwrap()
            .into()
    }

    fn outside(blackouts: &[Blackout], at: &str) -> String {
        first_outside(blackouts, moment(at)).unwrap().to_string()
    }

    #[test]
    fn a_span_holds_back_what_lies_in_it_and_nothing_else() {
        let all = [weekend()];
        for (at, expected) in [
            ("2026-11-27T16:59:59Z", "2026-11-27T16:59:59Z"),
            ("2026-11-27T17:00:00Z", "2026-11-30T05:00:00Z"),
            ("2026-11-29T12:00:00Z", "2026-11-30T05:00:00Z"),
            ("2026-11-30T05:00:00Z", "2026-11-30T05:00:00Z"),
        ] {
            assert_eq!(outside(&all, at), expected, "{at}");
        }
    }

    #[test]
    fn spans_that_follow_each_other_are_one() {
        let night = Blackout {
            cron: "0 0 * * *".parse().unwrap(),
            zone: "Europe/Berlin".parse().unwrap(),
            lasting: Duration::from_hours(7),
        };
        assert_eq!(
            outside(&[weekend(), night], "2026-11-28T00:00:00Z"),
            "2026-11-30T06:00:00Z"
        );
        let always = Blackout {
            cron: "0 * * * *".parse().unwrap(),
            zone: Zone::UTC,
            lasting: Duration::from_hours(1),
        };
        assert_eq!(
            first_outside(&[always], moment("2026-11-28T00:00:00Z")),
            None
        );
    }
}
