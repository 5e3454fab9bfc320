//! One field of a cron expression: which values it names.

use std::collections::BTreeSet;

use super::CronError;

/// What a field of a cron expression may hold.
#[derive(Clone, Copy, Debug)]
pub(super) struct Field {
    /// What it is called in errors.
    pub(super) what: &'static str,
    /// The smallest value.
    pub(super) min: u32,
    /// The largest value.
    pub(super) max: u32,
    /// The names of the values, the first one being that of `min`.
    pub(super) names: &'static [&'static str],
}

pub(super) const MINUTE: Field = Field {
    what: "minute",
    min: 0,
    max: 59,
    names: &[],
};
pub(super) const HOUR: Field = Field {
    what: "hour",
    min: 0,
    max: 23,
    names: &[],
};
pub(super) const DAY_OF_MONTH: Field = Field {
    what: "day of month",
    min: 1,
    max: 31,
    names: &[],
};
pub(super) const MONTH: Field = Field {
    what: "month",
    min: 1,
    max: 12,
    names: &[
        "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
    ],
};
/// Sunday is both 0 and 7, so that `5-7` and `fri-sun` are ranges.
pub(super) const DAY_OF_WEEK: Field = Field {
    what: "day of week",
    min: 0,
    max: 7,
    names: &["sun", "mon", "tue", "wed", "thu", "fri", "sat"],
};

/// The values a field names.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Values {
    /// In ascending order, never empty.
    pub(super) set: BTreeSet<u32>,
    /// Whether the field begins with a star, which decides how days combine and how clock changes are met.
    pub(super) starred: bool,
}

impl Field {
    /// Reads `text`: `*`, `5`, `1-5`, `*/15`, `1-30/2`, names, and several of these with commas.
    pub(super) fn parse(self, text: &str) -> Result<Values, CronError> {
        let mut set = BTreeSet::new();
        for part in text.split(',') {
            let (range, step) = match part.split_once('/') {
                Some((range, step)) => (range, self.step(part, step)?),
                None => (part, 1),
            };
            let (first, last) = self.range(range, part)?;
            set.extend((first..=last).step_by(step));
        }
        Ok(Values {
            set,
            starred: text.starts_with('*'),
        })
    }

    fn step(self, part: &str, step: &str) -> Result<usize, CronError> {
        match step.parse() {
            Ok(step @ 1..=59) => Ok(step),
            _ => Err(self.wrong(part)),
        }
    }

    fn range(self, range: &str, part: &str) -> Result<(u32, u32), CronError> {
        if range == "*" {
            // A star means each weekday once, so it does not reach the second Sunday.
            let last = if self.max == 7 { 6 } else { self.max };
            return Ok((self.min, last));
        }
        let Some((first, last)) = range.split_once('-') else {
            // Some crons read `5/15` as `5-59/15`, others as `5`: nobody's surprise is worth it.
            if part.contains('/') {
                return Err(self.wrong(part));
            }
            let value = self.value(range).ok_or_else(|| self.wrong(part))?;
            return Ok((value, value));
        };
        let first = self.value(first).ok_or_else(|| self.wrong(part))?;
        let last = match self.value(last) {
            Some(0) if self.max == 7 => 7,
            Some(last) => last,
            None => return Err(self.wrong(part)),
        };
        if first <= last {
            Ok((first, last))
        } else {
            Err(self.wrong(part))
        }
    }

    fn value(self, text: &str) -> Option<u32> {
        let named = self
            .names
            .iter()
            .position(|name| text.eq_ignore_ascii_case(name));
        let value = match named {
            Some(index) => self.min.checked_add(u32::try_from(index).ok()?)?,
            None if text.bytes().all(|byte| byte.is_ascii_digit()) => text.parse().ok()?,
            None => return None,
        };
        (self.min..=self.max).contains(&value).then_some(value)
    }

    fn wrong(self, part: &str) -> CronError {
        CronError::Field {
            field: self.what,
            part: part.escape_debug().to_string(),
        }
    }
}
