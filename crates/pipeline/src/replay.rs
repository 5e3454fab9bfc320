//! Replays: a run is carried out again with what it was asked for, and held against what it did.

use std::{collections::BTreeMap, fmt};

use model::{FailureClass, RunId};
use serde::Serialize;
use serde_json::Value as Json;
use store::{Download, Run, Step};

use crate::{Engine, Failure, Request};

/// What depends on what was there on the day, and not on what the run did: whether something was new (a server is asked
/// for its `ETag` only then), and what the importer found in the repository.
const OF_THE_DAY: [&str; 4] = [
    "download_changed",
    "etag",
    "last_modified",
    "munki_repo_changed",
];
const SUMMARY: &str = "_summary_result";
const IMPORTER: &str = "MunkiImporter";

/// Something that a replay did otherwise.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Difference {
    /// Where: `step 2 (Unarchiver)`, or `downloads`.
    pub place: String,
    /// What.
    pub what: String,
    /// What it was then, shortened; nothing if there was none.
    pub then: Option<String>,
    /// What it is now.
    pub now: Option<String>,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nothing = "nothing".to_owned();
        let (then, now) = (
            self.then.as_ref().unwrap_or(&nothing),
            self.now.as_ref().unwrap_or(&nothing),
        );
        write!(f, "{}: {}: {then} then, {now} now", self.place, self.what)
    }
}

impl Engine {
    /// What is asked for to carry `run` out again. Nothing of a replay is published or remembered, and desks hear
    /// nothing of it.
    ///
    /// # Errors
    /// If what was asked for then cannot be read.
    pub fn replay_of(run: &Run) -> Result<Request, Failure> {
        Ok(Request {
            replays: Some(run.id),
            accepted: Vec::new(),
            ..Self::request_of(run)?
        })
    }

    /// What the run `now` did otherwise than the run `then`, step by step, as far as it was recorded.
    ///
    /// # Errors
    /// If the database fails, or there were no steps to hold it against.
    pub async fn compare_runs(&self, then: RunId, now: RunId) -> Result<Vec<Difference>, Failure> {
        let db = &self.parts.db;
        let steps = (db.step_list(then).await?, db.step_list(now).await?);
        if steps.0.is_empty() {
            return Err(Failure::new(
                FailureClass::Configuration,
                "Nothing is recorded of the steps of that run",
            )
            .with_advice("It failed before its first step; see `auto-update runs show`."));
        }
        let mut found = compare_steps(&steps.0, &steps.1);
        let downloads = (db.download_list(then).await?, db.download_list(now).await?);
        found.extend(compare_downloads(&downloads.0, &downloads.1));
        Ok(found)
    }
}

fn compare_steps(then: &[Step], now: &[Step]) -> Vec<Difference> {
    let mut found = Vec::new();
    for index in 0..then.len().max(now.len()) {
        let (then, now) = (then.get(index), now.get(index));
        let name = then.or(now).map_or("", |step| step.processor.as_str());
        let place = format!("step {index} ({name})");
        let mut differ = |what: &str, then: Option<String>, now: Option<String>| {
            if then != now {
                found.push(Difference {
                    place: place.clone(),
                    what: what.to_owned(),
                    then,
                    now,
                });
            }
        };
        let text = |step: Option<&Step>, told: &dyn Fn(&Step) -> String| step.map(told);
        differ(
            "processor",
            text(then, &|it| it.processor.clone()),
            text(now, &|it| it.processor.clone()),
        );
        differ(
            "end",
            text(then, &|it| it.state.as_str().to_owned()),
            text(now, &|it| it.state.as_str().to_owned()),
        );
        if name == IMPORTER {
            continue;
        }
        let (then, now) = (outputs(then), outputs(now));
        let names: std::collections::BTreeSet<&String> = then.keys().chain(now.keys()).collect();
        for name in names {
            differ(
                &format!("output `{name}`"),
                then.get(name).map(shown),
                now.get(name).map(shown),
            );
        }
    }
    found
}

fn outputs(step: Option<&Step>) -> BTreeMap<String, Json> {
    let output = step
        .and_then(|step| step.output.as_ref())
        .and_then(Json::as_object);
    let counts = |name: &String| !OF_THE_DAY.contains(&name.as_str()) && !name.ends_with(SUMMARY);
    output
        .into_iter()
        .flatten()
        .filter(|(name, _)| counts(name))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}

/// As far as both were read: what a server says has not changed is not.
fn compare_downloads(then: &[Download], now: &[Download]) -> Vec<Difference> {
    let mut found = Vec::new();
    for before in then {
        let Some(after) = now.iter().find(|it| it.path == before.path) else {
            continue;
        };
        if let (Some(old), Some(new)) = (before.sha256, after.sha256)
            && old != new
        {
            found.push(Difference {
                place: "downloads".to_owned(),
                what: before.path.clone(),
                then: Some(old.to_string()),
                now: Some(new.to_string()),
            });
        }
    }
    found
}

/// The longest value that is shown, in characters.
const LONGEST: usize = 200;

fn shown(value: &Json) -> String {
    let text = match value {
        Json::String(text) => text.clone(),
        other => other.to_string(),
    };
    if text.chars().count() <= LONGEST {
        return text;
    }
    // Two long ones that begin alike must not look the same.
    let digest = model::Sha256::of(text.as_bytes());
    let beginning: String = text.chars().take(LONGEST).collect();
    format!("{beginning}… (SHA-256 {digest})")
}
