//! The file that says which overrides run when.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    path::{Path, PathBuf},
    time::Duration,
};

use model::{Title, Zone};
use recipe::RecipeList;
use serde::{Deserialize, Deserializer, de::Error as _};

use super::{Blackout, CronError, Expression, Missed, Timetable};

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
    /// A recipe list cannot be read.
    #[error("`{}`, entry {entry}: the recipe list `{}` cannot be read", path.display(), list.display())]
    List {
        /// Which file.
        path: PathBuf,
        /// Which entry, counted from 1.
        entry: usize,
        /// Which list.
        list: PathBuf,
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// Overrides wait for each other.
    #[error("in `{}`, `{title}` would wait for itself, by way of what it runs after", path.display())]
    Circle {
        /// Which file.
        path: PathBuf,
        /// Which override.
        title: Title,
    },
    /// An entry names no override.
    #[error("`{}`, entry {entry}, names no override", path.display())]
    Empty {
        /// Which file.
        path: PathBuf,
        /// Which entry, counted from 1.
        entry: usize,
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
///     priority: 10           # -100 to 100; the highest goes first
///     after: [Firefox.munki] # waits while a run of these is under way
///     label: large           # for workers that have it only
///   - cron: "@daily"
///     recipe_list: daily.txt # as AutoPkg's; beside this file
/// blackouts:
///   - cron: "0 18 * * fri"   # nothing begins from then on
///     for: 60h
/// ```
#[derive(Clone, Debug, Default)]
pub struct Schedules {
    entries: BTreeMap<Title, Scheduled>,
}

/// When an override runs, and how its runs are treated.
#[derive(Clone, Debug)]
pub struct Scheduled {
    /// Its times.
    pub timetable: Timetable,
    /// Runs of a higher number go first; 0 is usual.
    pub priority: i64,
    /// The label that a worker must have.
    pub label: Option<String>,
    /// Titles whose runs must be over before.
    pub after: Vec<Title>,
}

/// One override and its times.
#[derive(Clone, Copy, Debug)]
pub struct Entry<'a> {
    /// The override.
    pub title: &'a Title,
    /// Its times.
    pub timetable: &'a Timetable,
    /// That, and how its runs are treated.
    pub scheduled: &'a Scheduled,
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
        let (mut entries, mut crons) = (BTreeMap::new(), Crons::default());
        for (written, entry) in file.schedules.iter().zip(1..) {
            let in_entry = |source| SchedulesError::Cron {
                path: path.to_owned(),
                entry,
                source,
            };
            for title in written.titles(path, entry)? {
                let scheduled = file
                    .scheduled(written, &title, &mut crons)
                    .map_err(in_entry)?;
                if entries.insert(title.clone(), scheduled).is_some() {
                    return Err(SchedulesError::Twice {
                        path: path.to_owned(),
                        title,
                    });
                }
            }
        }
        let schedules = Self { entries };
        match schedules.circle() {
            Some(title) => Err(SchedulesError::Circle {
                path: path.to_owned(),
                title: title.clone(),
            }),
            None => Ok(schedules),
        }
    }

    /// An override that would wait for itself.
    fn circle(&self) -> Option<&Title> {
        self.entries.keys().find(|title| {
            let mut seen: BTreeSet<&Title> = BTreeSet::new();
            let mut next = vec![*title];
            while let Some(after) = next.pop().and_then(|title| self.entries.get(title)) {
                next.extend(after.after.iter().filter(|title| seen.insert(title)));
            }
            seen.contains(title)
        })
    }

    /// The overrides, by name.
    pub fn titles(&self) -> Vec<&Title> {
        self.entries.keys().collect()
    }

    /// An override and its times, if it is scheduled.
    pub fn find(&self, title: &Title) -> Option<Entry<'_>> {
        let (title, scheduled) = self.entries.get_key_value(title)?;
        Some(Entry {
            title,
            timetable: &scheduled.timetable,
            scheduled,
        })
    }

    /// Every override and its times, by name.
    pub fn entries(&self) -> impl Iterator<Item = Entry<'_>> {
        self.entries.iter().map(|(title, scheduled)| Entry {
            title,
            timetable: &scheduled.timetable,
            scheduled,
        })
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default, deserialize_with = "zone")]
    time_zone: Option<Zone>,
    #[serde(default, deserialize_with = "span")]
    jitter: Option<Duration>,
    #[serde(default)]
    missed: Missed,
    #[serde(default)]
    schedules: Vec<Written>,
    #[serde(default)]
    blackouts: Vec<WrittenBlackout>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenBlackout {
    cron: String,
    #[serde(rename = "for", deserialize_with = "days")]
    lasting: Duration,
    #[serde(default, deserialize_with = "zone")]
    time_zone: Option<Zone>,
    /// All, if none is named.
    #[serde(default)]
    overrides: Vec<Title>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    cron: String,
    #[serde(default)]
    overrides: Vec<Title>,
    recipe_list: Option<PathBuf>,
    #[serde(default, deserialize_with = "priority")]
    priority: i64,
    #[serde(default, deserialize_with = "label")]
    label: Option<String>,
    #[serde(default)]
    after: Vec<Title>,
    #[serde(default, deserialize_with = "zone")]
    time_zone: Option<Zone>,
    #[serde(default, deserialize_with = "span")]
    jitter: Option<Duration>,
    missed: Option<Missed>,
}

impl Written {
    /// The overrides it names, and those of its recipe list, which lies beside the file at `path`.
    fn titles(&self, path: &Path, entry: usize) -> Result<Vec<Title>, SchedulesError> {
        let mut titles = self.overrides.clone();
        if let Some(list) = &self.recipe_list {
            let list = path.parent().unwrap_or(path).join(list);
            let unreadable = |source| SchedulesError::List {
                path: path.to_owned(),
                entry,
                list: list.clone(),
                source,
            };
            let read = RecipeList::read(&list).map_err(|error| unreadable(error.into()))?;
            for name in &read.recipes {
                titles.push(name.parse().map_err(|error| unreadable(Box::new(error)))?);
            }
        }
        if titles.is_empty() {
            return Err(SchedulesError::Empty {
                path: path.to_owned(),
                entry,
            });
        }
        Ok(titles)
    }
}

/// Expressions that were read: thousands of titles share some hundreds.
#[derive(Default)]
struct Crons(HashMap<String, Expression>);

impl Crons {
    fn read(&mut self, text: &str) -> Result<Expression, CronError> {
        if let Some(known) = self.0.get(text) {
            return Ok(known.clone());
        }
        let read: Expression = text.parse()?;
        self.0.insert(text.to_owned(), read.clone());
        Ok(read)
    }
}

impl File {
    fn scheduled(
        &self,
        written: &Written,
        title: &Title,
        crons: &mut Crons,
    ) -> Result<Scheduled, CronError> {
        let zone = self.time_zone.unwrap_or(Zone::UTC);
        let cron = crons.read(&written.cron)?;
        let blackouts = self.blackouts.iter();
        let blackouts = blackouts
            .filter(|blackout| blackout.overrides.is_empty() || blackout.overrides.contains(title))
            .map(|blackout| {
                Ok(Blackout {
                    cron: crons.read(&blackout.cron)?,
                    zone: blackout.time_zone.unwrap_or(zone),
                    lasting: blackout.lasting,
                })
            });
        Ok(Scheduled {
            timetable: Timetable {
                cron,
                zone: written.time_zone.unwrap_or(zone),
                jitter: written.jitter.or(self.jitter).unwrap_or_default(),
                missed: written.missed.unwrap_or(self.missed),
                blackouts: blackouts.collect::<Result<_, CronError>>()?,
            },
            priority: written.priority,
            label: written.label.clone(),
            after: written.after.clone(),
        })
    }
}

fn priority<'de, D: Deserializer<'de>>(deserializer: D) -> Result<i64, D::Error> {
    match i64::deserialize(deserializer)? {
        priority @ -100..=100 => Ok(priority),
        other => Err(D::Error::custom(format!(
            "a priority is from -100 to 100, not {other}"
        ))),
    }
}

fn label<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let label = String::deserialize(deserializer)?;
    if is_label(&label) {
        return Ok(Some(label));
    }
    Err(D::Error::custom(format!(
        "`{label}` is no label: small letters, digits and `-`"
    )))
}

/// Whether workers can have a label of this name.
pub fn is_label(name: &str) -> bool {
    let is_plain = |byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-');
    !name.is_empty() && name.len() <= 64 && name.bytes().all(is_plain)
}

/// `90m`, `60h`, `2d`, up to 31 days.
fn days<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    let text = String::deserialize(deserializer)?;
    match seconds(&text) {
        Some(seconds @ 60..=2_678_400) => Ok(Duration::from_secs(seconds)),
        _ => Err(D::Error::custom(format!(
            "`{text}` is no span of time such as `90m`, `60h`, `2d`, from a minute to 31 days"
        ))),
    }
}

/// A name of the IANA time zone database.
fn zone<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Zone>, D::Error> {
    let name = String::deserialize(deserializer)?;
    name.parse().map(Some).map_err(D::Error::custom)
}

/// `90s`, `10m`, `2h`.
fn span<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
    let text = String::deserialize(deserializer)?;
    match seconds(&text) {
        Some(seconds @ 0..=86_400) => Ok(Some(Duration::from_secs(seconds))),
        _ => Err(D::Error::custom(format!(
            "`{text}` is no span of time such as `90s`, `10m`, `2h`, up to a day"
        ))),
    }
}

fn seconds(text: &str) -> Option<u64> {
    [("s", 1), ("m", 60), ("h", 3600), ("d", 86_400)]
        .into_iter()
        .find_map(|(unit, seconds)| {
            let number: u64 = text.strip_suffix(unit)?.parse().ok()?;
            number.checked_mul(seconds)
        })
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
                "schedules: [{cron: '@daily', overrides: []}]",
                "`schedules.yaml`, entry 1, names no override",
            ),
            (
                "schedules: [{cron: '@daily', overrides: [A], after: [B]}, {cron: '@daily', overrides: [B], after: [C, A]}]",
                "in `schedules.yaml`, `A` would wait for itself, by way of what it runs after",
            ),
            (
                "schedules: [{cron: '@daily', overrides: [A], priority: 101}]",
                "`schedules.yaml` is not a file of schedules",
            ),
            (
                "schedules: [{cron: '@daily', overrides: [A], label: 'a,b'}]",
                "`schedules.yaml` is not a file of schedules",
            ),
            (
                "blackouts: [{cron: '@daily', for: 32d}]",
                "`schedules.yaml` is not a file of schedules",
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

    #[test]
    fn an_entry_may_take_its_overrides_from_a_recipe_list() {
        let folder = tempfile::tempdir().unwrap();
        fs_err::write(
            folder.path().join("daily.txt"),
            "# ours\nB.munki\nC.munki\n",
        )
        .unwrap();
        let path = folder.path().join("schedules.yaml");
        let text = "schedules: [{cron: '@daily', overrides: [A.munki], recipe_list: daily.txt, priority: 7, label: large, after: [Z]}]\nblackouts: [{cron: '@weekly', for: 2d}, {cron: '@daily', for: 90m, overrides: [B.munki]}]";
        let schedules = Schedules::parse(&path, text).unwrap();
        let shown: Vec<String> = schedules
            .entries()
            .map(|entry| {
                let how = entry.scheduled;
                format!(
                    "{} {} {:?} {:?} {}",
                    entry.title,
                    how.priority,
                    how.label,
                    how.after,
                    entry.timetable.blackouts.len()
                )
            })
            .collect();
        let expected =
            |title: &str, blackouts| format!(r#"{title} 7 Some("large") [Title("Z")] {blackouts}"#);
        assert_eq!(
            shown,
            [
                expected("A.munki", 1),
                expected("B.munki", 2),
                expected("C.munki", 1)
            ]
        );
        let absent = text.replace("daily.txt", "weekly.txt");
        let error = Schedules::parse(&path, &absent).unwrap_err().to_string();
        assert!(error.contains("entry 1: the recipe list"), "{error}");
    }
}
