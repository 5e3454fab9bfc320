//! The recipes that a run goes by: recorded with it, and gone by again when it is carried out again.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use model::{FailureClass, RunId, Sha256, Timestamp};
use recipe::{Closure, Recipe};
use redact::Scrubber;
use serde::{Deserialize, Serialize};

use crate::{Engine, Event, Failure, approval::text_of, engine::blocking, run::Job};

/// How long it is taken for granted that a plan is recorded: for less than what nobody names is kept.
const KNOWN: Duration = Duration::from_hours(12);

/// What no run goes by any more is kept for so long.
pub(crate) const KEPT: Duration = Duration::from_hours(48);

/// What a run goes by, as it is recorded.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(crate) struct Recorded {
    /// The override and its parents, nearest first.
    chain: Vec<Link>,
    /// Everything that they reach.
    pub(crate) closure: Closure,
}

#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
struct Link {
    path: PathBuf,
    sha256: Sha256,
}

/// What is to be recorded of a plan.
pub(crate) struct Recording {
    /// The digest of `plan`.
    pub(crate) sha256: Sha256,
    plan: String,
    chain: Vec<Link>,
}

/// Plans that this process has seen recorded, and when.
#[derive(Clone, Debug, Default)]
pub(crate) struct KnownPlans(Arc<Mutex<HashMap<Sha256, Timestamp>>>);

impl KnownPlans {
    fn has(&self, plan: Sha256, now: Timestamp) -> bool {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(&plan).is_some_and(|at| *at > now.minus(KNOWN))
    }

    fn add(&self, plan: Sha256, now: Timestamp) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.retain(|_plan, at| *at > now.minus(KNOWN));
        known.insert(plan, now);
    }
}

impl Recording {
    /// Of a plan that was put together from `chain` and reaches `closure`.
    pub(crate) fn of(chain: &[Arc<Recipe>], closure: &Closure) -> Result<Self, Failure> {
        let links = chain.iter().map(|recipe| Link {
            path: recipe::absolute(recipe.path()),
            sha256: recipe.sha256(),
        });
        let recorded = Recorded {
            chain: links.collect(),
            closure: closure.clone(),
        };
        let plan = serde_json::to_string(&recorded)
            .map_err(|error| Failure::from_error(FailureClass::Internal, &error))?;
        Ok(Self {
            sha256: Sha256::of(plan.as_bytes()),
            plan,
            chain: recorded.chain,
        })
    }
}

/// The texts of the files that have not changed since and hold no secret. Blocking.
fn texts_of(chain: &[Link], scrubber: &Scrubber) -> Vec<(Sha256, String)> {
    let texts = chain.iter().filter_map(|link| {
        let text = text_of(&link.path, link.sha256)?;
        (scrubber.scrub(&text) == text).then_some((link.sha256, text))
    });
    texts.collect()
}

/// The files of a run that is to be carried out again.
pub(crate) struct Past {
    pub(crate) recorded: Recorded,
    pub(crate) files: Vec<(PathBuf, Vec<u8>)>,
}

impl Engine {
    /// Records a plan, unless that was done lately.
    ///
    /// Texts that hold a secret are left out: the state is not the place for them.
    ///
    /// # Errors
    /// If the database fails.
    pub(crate) async fn record_plan(
        &self,
        recording: Recording,
        scrubber: &Arc<Scrubber>,
    ) -> Result<(), Failure> {
        let (db, now) = (&self.parts.db, self.clock().now());
        let Recording {
            sha256,
            plan,
            chain,
        } = recording;
        if self.known_plans.has(sha256, now) {
            return Ok(());
        }
        if !db.plan_is_recorded(sha256, now.minus(KNOWN)).await? {
            let scrubber = Arc::clone(scrubber);
            let texts = blocking(move || Ok(texts_of(&chain, &scrubber))).await?;
            db.plan_record((sha256, &plan), &texts, now).await?;
        }
        self.known_plans.add(sha256, now);
        Ok(())
    }

    /// What the run went by that `job` carries out again; nothing if it carries none out again, is to go by the recipes
    /// of today, or nothing was recorded.
    ///
    /// # Errors
    /// If a recipe is not had any more as it was.
    pub(crate) async fn past(&self, job: &Job<'_>) -> Result<Option<Past>, Failure> {
        let Some(run) = job.request.replays.filter(|_| !job.request.todays_recipes) else {
            return Ok(None);
        };
        let Some(plan) = self.parts.db.plan_of(run).await? else {
            job.reporter.report(&Event::Warned {
                text: "The recipes of that run were not recorded: it is carried out with those of today.",
            });
            return Ok(None);
        };
        let recorded: Recorded = serde_json::from_value(plan.members)
            .map_err(|error| Failure::from_error(FailureClass::Internal, &error))?;
        let mut files = Vec::new();
        for link in &recorded.chain {
            let kept = self.parts.db.plan_text(link.sha256).await?;
            let kept = kept.map(String::into_bytes);
            let kept = kept.filter(|bytes| Sha256::of(bytes) == link.sha256);
            let bytes = match kept {
                Some(bytes) => bytes,
                None => unchanged(link, run).await?,
            };
            files.push((link.path.clone(), bytes));
        }
        Ok(Some(Past { recorded, files }))
    }
}

/// The bytes of a file whose text is not kept, if it is today as it was.
async fn unchanged(link: &Link, run: RunId) -> Result<Vec<u8>, Failure> {
    let (path, sha256) = (link.path.clone(), link.sha256);
    let read = blocking(move || Ok(fs_err::read(&path).ok()));
    let bytes = read.await?.filter(|bytes| Sha256::of(bytes) == sha256);
    bytes.ok_or_else(|| {
        gone(
            &link.path,
            "holds a secret, so that its text was not kept,",
            run,
        )
    })
}

/// That a file is not had as it was.
fn gone(path: &Path, why: &str, run: RunId) -> Failure {
    Failure::new(
        FailureClass::Configuration,
        format!(
            "`{}` {why} and is not as it was when the run {run} went by it",
            path.display()
        ),
    )
    .with_advice(
        "Put it back as it was (its repository's history has it, if it lies in one), or go by the recipes of today: \
         `auto-update runs replay --todays-recipes`.",
    )
}

impl Past {
    /// That everything else that the plan reaches, `now`, is as it was: processors, scripts and the like are not kept.
    ///
    /// # Errors
    /// If something is not.
    pub(crate) fn check(&self, now: &Closure, run: RunId) -> Result<(), Failure> {
        let changes = self.recorded.closure.changes(now);
        match changes.first() {
            None => Ok(()),
            Some(change) => Err(gone(
                &change.member().path,
                "is no recipe, so that it was not kept,",
                run,
            )),
        }
    }
}
