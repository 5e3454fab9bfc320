//! The file that says which overrides run when.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    time::Duration,
};

use chrono_tz::Tz;
use model::Title;
use serde::{Deserialize, Deserializer, de::Error as _};

use super::{CronError, Missed, Timetable};

/// Why schedules cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SchedulesError {
    /// The file is there, but cannot be read.
    #[error("cannot read the schedules")]
    Io(#[from] std::io::Error),
    /// The text is not what a file of schedules holds.
    #[error("`{}` is not a file of schedules", path.display())]
    Yaml {
        /// Which file.
        path: PathBuf,
        /// Where and why.
        source: serde_yaml::Error,
    },
    /// An expression cannot be read.
    #[error("`{}`, entry {entry}", path.display())]
    Cron {
        /// Which file.
        path: PathBuf,
        /// Which entry, counted from 1.
        entry: usize,
        /// What is wrong with it.
        source: CronError,
    },
    /// An override is scheduled twice.
    #[error("`{}` schedules `{title}` twice", path.display())]
    Twice {
        /// Which file.
        path: PathBuf,
        /// Which override.
        title: Title,
    },
}

/// Which overrides run when.
///
/// ```yaml
/// time_zone: Europe/Berlin   # [UTC]
/// jitter: 10m                # [0s]
/// missed: run-once           # or skip
/// schedules:
///   - cron: "0 6 * * mon-fri"
///     overrides: [Firefox.munki, Zoom.munki]
///   - cron: "@hourly"
///     overrides: [Chrome.munki]
///     jitter: 0s
/// ```
#[derive(Clone, Debug, Default)]
pub struct Schedules {
    entries: BTreeMap<Title, Timetable>,
}

/// One override and its times.
#[derive(Clone, Copy, Debug)]
pub struct Entry<'a> {
    /// The override.
    pub title: &'a Title,
    /// Its times.
    pub timetable: &'a Timetable,
}

impl Schedules {
    /// Reads the file at `path`; a file that does not exist schedules nothing.
    ///
    /// # Errors
    /// If the file cannot be read, or says something that is not understood.
    pub fn load(path: &Path) -> Result<Self, SchedulesError> {
        match fs_err::read_to_string(path) {
            Ok(text) => Self::parse(path, &text),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(error.into()),
        }
    }

    /// Reads `text`; `path` only names it in errors.
    ///
    /// # Errors
    /// As [`Schedules::load`].
    pub fn parse(path: &Path, text: &str) -> Result<Self, SchedulesError> {
        let file: File = serde_yaml::from_str(text).map_err(|source| SchedulesError::Yaml {
            path: path.to_owned(),
            source,
        })?;
        let mut entries = BTreeMap::new();
        for (index, written) in file.schedules.iter().enumerate() {
            let timetable = file
                .timetable(written)
                .map_err(|source| SchedulesError::Cron {
                    path: path.to_owned(),
                    entry: index.saturating_add(1),
                    source,
                })?;
            for title in &written.overrides {
                if entries.insert(title.clone(), timetable.clone()).is_some() {
                    return Err(SchedulesError::Twice {
                        path: path.to_owned(),
                        title: title.clone(),
                    });
                }
            }
        }
        Ok(Self { entries })
    }

    /// Every override and its times, by name.
    pub fn entries(&self) -> impl Iterator<Item = Entry<'_>> {
        self.entries
            .iter()
            .map(|(title, timetable)| Entry { title, timetable })
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default, deserialize_with = "zone")]
    time_zone: Option<Tz>,
    #[serde(default, deserialize_with = "span")]
    jitter: Option<Duration>,
    #[serde(default)]
    missed: Missed,
    #[serde(default)]
    schedules: Vec<Written>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    cron: String,
    overrides: Vec<Title>,
    #[serde(default, deserialize_with = "zone")]
    time_zone: Option<Tz>,
    #[serde(default, deserialize_with = "span")]
    jitter: Option<Duration>,
    missed: Option<Missed>,
}

impl File {
    fn timetable(&self, written: &Written) -> Result<Timetable, CronError> {
        Ok(Timetable {
            cron: written.cron.parse()?,
            zone: written.time_zone.or(self.time_zone).unwrap_or(Tz::UTC),
            jitter: written.jitter.or(self.jitter).unwrap_or_default(),
            missed: written.missed.unwrap_or(self.missed),
        })
    }
}

/// A name of the IANA time zone database.
fn zone<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Tz>, D::Error> {
    let name = String::deserialize(deserializer)?;
    name.parse().map(Some).map_err(D::Error::custom)
}

/// `90s`, `10m`, `2h`.
fn span<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
    let text = String::deserialize(deserializer)?;
    let seconds = [("s", 1), ("m", 60), ("h", 3600)]
        .into_iter()
        .find_map(|(unit, seconds)| {
            let number: u64 = text.strip_suffix(unit)?.parse().ok()?;
            number.checked_mul(seconds)
        });
    match seconds {
        Some(seconds @ 0..=86_400) => Ok(Some(Duration::from_secs(seconds))),
        _ => Err(D::Error::custom(format!(
            "`{text}` is no span of time such as `90s`, `10m`, `2h`, up to a day"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Schedules, SchedulesError> {
        Schedules::parse(Path::new("schedules.yaml"), text)
    }

    #[test]
    fn an_entry_takes_from_the_file_what_it_does_not_say() {
        let schedules = parse(
            "time_zone: Europe/Berlin\njitter: 10m\nmissed: skip\nschedules:\n- {cron: '0 6 * * mon', overrides: [B.munki, A.munki]}\n- {cron: '@daily', overrides: [C.munki], time_zone: UTC, jitter: 0s, missed: run-once}\n",
        )
        .unwrap();
        let shown: Vec<String> = schedules
            .entries()
            .map(|entry| {
                format!(
                    "{} {} {} {:?} {:?}",
                    entry.title,
                    entry.timetable.cron,
                    entry.timetable.zone,
                    entry.timetable.jitter,
                    entry.timetable.missed
                )
            })
            .collect();
        assert_eq!(
            shown,
            [
                "A.munki 0 6 * * mon Europe/Berlin 600s Skip",
                "B.munki 0 6 * * mon Europe/Berlin 600s Skip",
                "C.munki @daily UTC 0ns RunOnce",
            ]
        );
    }

    #[test]
    fn a_file_that_is_not_there_schedules_nothing() {
        assert_eq!(
            Schedules::load(Path::new("/nowhere/schedules.yaml"))
                .unwrap()
                .entries()
                .count(),
            0
        );
    }

    #[test]
    fn says_where_it_is_wrong() {
        for (text, expected) in [
            (
                "schedules: [{cron: '* *', overrides: [A]}]",
                "`schedules.yaml`, entry 1",
            ),
            (
                "schedules: [{cron: '@daily', overrides: [A]}, {cron: '@daily', overrides: [A]}]",
                "`schedules.yaml` schedules `A` twice",
            ),
            (
                "schedule: []",
                "`schedules.yaml` is not a file of schedules",
            ),
            (
                "jitter: soon",
                "`schedules.yaml` is not a file of schedules",
            ),
            (
                "time_zone: Mars/Olympus",
                "`schedules.yaml` is not a file of schedules",
            ),
        ] {
            assert_eq!(parse(text).unwrap_err().to_string(), expected, "{text}");
        }
    }
}
