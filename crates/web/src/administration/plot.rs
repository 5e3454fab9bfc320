//! Plots as SVG: what is drawn is computed here, and put into words by the templates.
//!
//! Every plot has a title and a description for those who do not see it, and beside it stands a table with its numbers.
//! How it looks is a matter of the style alone: there is no style within.

use std::{fmt::Write as _, time::Duration};

use model::RunState;

/// How high a line of run times is, and how wide each of its bars with the gap behind it, in units of the drawing.
const SPARK_HEIGHT: u64 = 24;
const SPARK_STEP: usize = 6;

/// How wide and high a large plot is within its axes, in units of the drawing.
pub(super) const WIDTH: u64 = 700;
pub(super) const HEIGHT: u64 = 160;

/// How run times went, in a small line of bars: the longest one is as high as the line.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct Spark {
    /// What it shows, for those who do not see it.
    pub(super) told: String,
    /// The bars of runs that ended well, badly, and that wait for a person, as paths.
    pub(super) good: String,
    pub(super) bad: String,
    pub(super) waits: String,
}

impl Spark {
    /// Of the times that runs took, the oldest first; nothing of none.
    pub(super) fn of(times: &[(RunState, Duration)]) -> Option<Self> {
        let (_, newest) = times.last()?;
        let longest = times.iter().map(|(_, took)| *took).max()?;
        let mut spark = Self {
            told: format!(
                "{} runs, the longest {}, the newest {}",
                times.len(),
                span_told(longest),
                span_told(*newest)
            ),
            ..Self::default()
        };
        for (place, (state, took)) in times.iter().enumerate() {
            let share = took.as_millis() * u128::from(SPARK_HEIGHT) / longest.as_millis().max(1);
            // One that took no time is still one.
            let height = u64::try_from(share).unwrap_or(SPARK_HEIGHT).max(1);
            let bars = match state {
                RunState::Published | RunState::Unchanged => &mut spark.good,
                RunState::Held => &mut spark.waits,
                _ => &mut spark.bad,
            };
            let x = place * SPARK_STEP;
            // Nothing that is written into a text fails.
            write!(bars, "M{x} {SPARK_HEIGHT}v-{height}h5v{height}z").unwrap_or_default();
        }
        Some(spark)
    }
}

/// A part of a bar.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Part {
    /// How the style knows it.
    pub(super) class: &'static str,
    pub(super) x: u64,
    pub(super) y: u64,
    pub(super) width: u64,
    pub(super) height: u64,
}

/// Bars beside each other, each of parts on top of each other; the highest one is as high as the plot.
pub(super) fn stacked(bars: &[Vec<(&'static str, u64)>]) -> (Vec<Part>, u64) {
    let whole = |bar: &Vec<(&str, u64)>| bar.iter().map(|(_, count)| *count).sum::<u64>();
    let most = bars.iter().map(whole).max().unwrap_or_default().max(1);
    let step = WIDTH / u64::try_from(bars.len()).unwrap_or(1).max(1);
    let mut parts = Vec::new();
    let mut x = 0;
    for bar in bars {
        let mut below = 0_u64;
        for (class, count) in bar {
            // Both edges are rounded alike, so that parts neither overlap nor leave gaps.
            let (low, high) = (
                scaled(below, most),
                scaled(below.saturating_add(*count), most),
            );
            below = below.saturating_add(*count);
            parts.push(Part {
                class,
                x,
                y: HEIGHT.saturating_sub(high),
                width: step.saturating_sub(2).max(1),
                height: high.saturating_sub(low),
            });
        }
        x = x.saturating_add(step);
    }
    parts.retain(|part| part.height > 0);
    (parts, most)
}

fn scaled(value: u64, most: u64) -> u64 {
    value.saturating_mul(HEIGHT) / most.max(1)
}

/// A line through points at the same distance, as a path; the highest one is as high as the plot.
pub(super) fn line(values: &[u64]) -> (String, u64) {
    let most = values.iter().copied().max().unwrap_or_default().max(1);
    let last = u64::try_from(values.len().saturating_sub(1))
        .unwrap_or(1)
        .max(1);
    let mut path = String::new();
    for (place, value) in (0_u64..).zip(values) {
        let (x, y) = (
            place * WIDTH / last,
            HEIGHT.saturating_sub(scaled(*value, most)),
        );
        let begin = if place == 0 { 'M' } else { 'L' };
        write!(path, "{begin}{x} {y}").unwrap_or_default();
    }
    (path, most)
}

/// As much of `whole` as `part` is, in units of the width of a plot.
pub(super) fn share(part: u64, whole: u64) -> u64 {
    part.min(whole).saturating_mul(WIDTH) / whole.max(1)
}

/// A span of time for people: two words at most.
pub(super) fn span_told(span: Duration) -> String {
    let seconds = span.as_secs();
    match seconds {
        0..10 => format!("{:.1} s", span.as_secs_f64()),
        10..60 => format!("{seconds} s"),
        60..3_600 => format!("{} min {} s", seconds / 60, seconds % 60),
        3_600..86_400 => format!("{} h {} min", seconds / 3_600, seconds % 3_600 / 60),
        _ => format!("{} d {} h", seconds / 86_400, seconds % 86_400 / 3_600),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_run_is_as_high_as_the_line() {
        assert_eq!(Spark::of(&[]), None);
        let times = [
            (RunState::Unchanged, Duration::from_secs(1)),
            (RunState::Failed, Duration::from_secs(12)),
            (RunState::Held, Duration::ZERO),
        ];
        let spark = Spark::of(&times).unwrap();
        assert_eq!(spark.told, "3 runs, the longest 12 s, the newest 0.0 s");
        assert_eq!(spark.good, "M0 24v-2h5v2z");
        assert_eq!(spark.bad, "M6 24v-24h5v24z");
        assert_eq!(spark.waits, "M12 24v-1h5v1z");
    }

    #[test]
    fn parts_of_a_bar_stand_on_top_of_each_other() {
        let (parts, most) = stacked(&[vec![("good", 3), ("bad", 1)], vec![("good", 0)], vec![]]);
        assert_eq!(most, 4);
        let told: Vec<_> = parts
            .iter()
            .map(|it| (it.class, it.x, it.y, it.height))
            .collect();
        assert_eq!(told, [("good", 0, 40, 120), ("bad", 0, 0, 40)]);
        assert_eq!(stacked(&[]), (Vec::new(), 1));
    }

    #[test]
    fn a_line_ends_at_the_edges() {
        assert_eq!(line(&[0, 2, 1]), ("M0 160L350 0L700 80".to_owned(), 2));
        assert_eq!(line(&[]), (String::new(), 1));
        assert_eq!(share(1, 4), 175);
        assert_eq!(share(9, 0), 0);
    }

    #[test]
    fn spans_are_told_in_two_words() {
        let told = |seconds| span_told(Duration::from_secs(seconds));
        assert_eq!(
            [told(9), told(59), told(61), told(3_700), told(90_000)],
            ["9.0 s", "59 s", "1 min 1 s", "1 h 1 min", "1 d 1 h"]
        );
    }
}
