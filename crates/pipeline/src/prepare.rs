//! Before the steps of a run: its plan, and whether that is trusted.

use std::{
    fs::File,
    path::{Path, PathBuf},
    sync::Arc,
};

use model::{FailureClass, Sha256, Title};
use processors::{Call, Env, Registry, verify};
use proplist::str_form;
use redact::Scrubber;

use crate::{
    Approval, Engine, Event, Failure, Request, Standing,
    community::{self, ToLoad},
    engine::briefly,
    evidence::Record,
    plan::Plan,
    recorded::{Past, Recording},
    run::Job,
    secrets,
    steps::Trace,
    trust::{self, Trust},
};

/// A run whose plan is made and trusted: what its steps need.
pub(crate) struct Prepared {
    pub(crate) identifier: String,
    pub(crate) env: Env,
    pub(crate) calls: Vec<Call>,
    /// The native processors, and those of recipe repositories that the plan needs.
    pub(crate) registry: Arc<Registry>,
    pub(crate) trust: Trust,
    pub(crate) workspace: PathBuf,
    pub(crate) scrubber: Arc<Scrubber>,
    /// What evidence is to say of the plan.
    pub(crate) record: Record,
    /// The digest of the plan, as it was recorded.
    pub(crate) plan: Sha256,
    /// Held until the steps are over: no other run works in the same workspace.
    pub(crate) lock: File,
}

/// A run whose plan passed trust.
struct Trusted {
    prepared: Prepared,
    /// What there is to say about it.
    notes: Vec<String>,
    /// Processors that its steps need, whose classes are loaded by running their files.
    to_load: Vec<ToLoad>,
    /// What is to be recorded of it.
    recording: Recording,
}

impl Engine {
    /// Makes the plan, and holds it against trust and the rules that all plans obey.
    pub(crate) async fn prepare(
        &self,
        job: &Job<'_>,
        trace: &mut Trace,
    ) -> Result<Prepared, Failure> {
        let reporter = job.reporter;
        let mut title = job.run.title.clone();
        let past = self.past(job).await?.map(Arc::new);
        let trusted = loop {
            let approval = self.approval(&title).await?;
            let (engine, request, of) = (self.clone(), job.request.clone(), title.clone());
            let past = past.clone();
            let prepared = briefly(move || {
                let plan = engine.plan_of(&request, past.as_deref())?;
                let identifier = plan.recipe.identifier().map(str::to_owned);
                let trusted = engine.trusted(&plan, &request, (&of, approval), past.as_deref());
                Ok((identifier, trusted))
            });
            let (identifier, prepared) = prepared.await?;
            // A report tells it of a plan that is not trusted, too.
            trace.identifier = identifier;
            match prepared? {
                Ok(trusted) => break trusted,
                // The override was moved since the run was queued.
                Err(other) => title = other,
            }
        };
        let Trusted {
            mut prepared,
            notes,
            to_load,
            recording,
        } = trusted;
        self.record_plan(recording, &prepared.scrubber).await?;
        for note in notes {
            reporter.report(&Event::Warned {
                text: &prepared.scrubber.scrub(&note),
            });
        }
        // Only now: a class is loaded by running its file, and that must have been approved.
        let loading = community::registry(&self.registry, &self.parts.python, to_load);
        prepared.registry = Box::pin(loading).await?;
        let unread = verify(&prepared.registry, &prepared.calls, &prepared.env)
            .map_err(|error| Failure::of_plan(&error))?;
        for warning in unread {
            let text = prepared.scrubber.scrub(&warning);
            reporter.report(&Event::Warned { text: &text });
            prepared.record.warnings.push(text);
        }
        Ok(prepared)
    }

    /// The plan that `request` asks for, now or in the past. Blocking.
    fn plan_of(&self, request: &Request, past: Option<&Past>) -> Result<Plan, Failure> {
        let recipes = &self.parts.recipes;
        match past {
            Some(past) => Plan::of_files(recipes, request, &past.files),
            None => Plan::make(recipes, request),
        }
    }

    /// Holds `plan` against `approval`, which is of `title`; answers the title that it has if that is another one.
    /// Blocking.
    fn trusted(
        &self,
        plan: &Plan,
        request: &Request,
        (title, approval): (&Title, Option<Approval>),
        past: Option<&Past>,
    ) -> Result<Result<Trusted, Title>, Failure> {
        let parts = &self.parts;
        let own = plan.title(&request.name)?;
        if own != *title {
            return Ok(Err(own));
        }
        let (env, said) = plan.variables(&self.cache_dir());
        let mut scrubber = parts.scrubber.clone();
        secrets::learn_plan(&mut scrubber, &env, plan.recipe.steps());
        let standing = Standing {
            title: own,
            approval,
            // The digests in this closure are those of the bytes that `plan` was made from.
            now: plan.closure(&*parts.history)?,
            scrubber: scrubber.clone(),
        };
        let calls = plan.calls(request)?;
        let (trust, mut notes) = match past {
            // It was approved then; whether anything of the title is now, and everything else is as it was, counts.
            Some(past) => trust::check_past(request, &standing, past)?,
            None => trust::check(plan, &parts.recipes, request, &standing, &*parts.history)?,
        };
        notes.extend(said);
        plan.check_version()?;
        let recording = Recording::of(plan.recipe.chain(), &standing.now)?;
        let to_load = community::to_load(&self.registry, &calls, &standing.now);
        let workspace = env.get("RECIPE_CACHE_DIR").map(str_form);
        let workspace = PathBuf::from(workspace.unwrap_or_default());
        let prepared = Prepared {
            plan: recording.sha256,
            lock: lock(&workspace)?,
            identifier: plan.identifier(),
            env,
            calls,
            registry: Arc::clone(&self.registry),
            trust,
            record: record(plan, &standing, &workspace),
            workspace,
            scrubber: Arc::new(scrubber),
        };
        Ok(Ok(Trusted {
            prepared,
            notes,
            to_load,
            recording,
        }))
    }
}

/// What evidence is to say of the plan and of who trusted it.
fn record(plan: &Plan, standing: &Standing, workspace: &Path) -> Record {
    let approval = standing.approval.as_ref();
    Record {
        identifier: plan.identifier(),
        workspace: workspace.to_owned(),
        closure: standing.now.clone(),
        has_trust_info: plan.recipe.trust_info().is_some(),
        approved_by: approval.map(|approval| approval.approved_by.clone()),
        approved_at: approval.map(|approval| approval.approved_at),
        downloads: Vec::new(),
        warnings: Vec::new(),
    }
}

/// Makes the run's workspace, and keeps other runs out of it.
fn lock(workspace: &Path) -> Result<File, Failure> {
    let failed = |error: &dyn std::error::Error| {
        Failure::from_error(FailureClass::Internal, error).with_advice(format!(
            "Check the room and the permissions of `{}`, then run the title again.",
            workspace.display()
        ))
    };
    fs_err::create_dir_all(workspace).map_err(|error| failed(&error))?;
    let lock = fs_err::File::create(workspace.join(".lock")).map_err(|error| failed(&error))?;
    let (lock, _path) = lock.into_parts();
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(std::fs::TryLockError::WouldBlock) => Err(Failure::new(
            FailureClass::Configuration,
            format!("Another run works in `{}`", workspace.display()),
        )
        .with_advice(
            "Wait until it has ended; if two overrides have the same Identifier, give one of them another.",
        )),
        Err(std::fs::TryLockError::Error(error)) => Err(failed(&error)),
    }
}
