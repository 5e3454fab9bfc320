//! The engine: everything that runs share, and the queue they come from.

use std::{fmt, path::PathBuf, sync::Arc, time::Duration};

use ::evidence::Keyring;
use desk::Desk;
use fetch::Fetcher;
use model::{Clock, RunId, Title, Trigger};
use processors::{PythonHost, Registry, SignaturePolicy};
use publication::{Backend, PublicationObserver, Retention, Rings, tuf::Tuf};
use recipe::{History, Library};
use redact::Scrubber;
use store::{Db, Lease, NewRun, Queued, QuotaWindow, Run, Terms};

use crate::{
    Approval, Failure, Guards, Keeping, Recipes, Request, Retries, Scanning, Standing, StepLimits,
    approval::Approved,
    ends::Ends,
    owner::Owner,
    plan::{Plan, Sought},
    recipe_index::RecipeIndex,
    recorded::KnownPlans,
    secrets,
};

/// What an engine is made of.
pub struct Parts {
    /// The state.
    pub db: Db,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Downloads.
    pub fetcher: Arc<Fetcher>,
    /// Incidents.
    pub desk: Arc<Desk>,
    /// The malware scanner.
    pub scanning: Scanning,
    /// The central repository.
    pub repository: Arc<dyn Backend>,
    /// The keys that evidence is signed with.
    pub keyring: Keyring,
    /// Keeps the update metadata of the repository, if any is kept.
    pub tuf: Option<Tuf>,
    /// Is told how far each publication has come.
    pub observer: Arc<dyn PublicationObserver>,
    /// Overrides, and what they know.
    pub recipes: Recipes,
    /// Processors of recipe repositories.
    pub python: Arc<PythonHost>,
    /// What the operator decides about signatures.
    pub signatures: SignaturePolicy,
    /// What a release may not bring unless a person lets it.
    pub guards: Guards,
    /// Which catalogs are rings, and how long an item stays in each.
    pub rings: Rings,
    /// What is kept of older versions.
    pub retention: Retention,
    /// What is kept of runs.
    pub keeping: Keeping,
    /// What git knows of recipes.
    pub history: Arc<dyn History + Send + Sync>,
    /// Runs that failed in passing.
    pub retries: Retries,
    /// How many steps of a processor there are at a time.
    pub limits: StepLimits,
    /// What this service is called among those that share the state, and the labels of its workers.
    pub node: NodeName,
    /// How long a worker may be silent before another takes its run over; a node that is for twice as long is gone.
    pub lease: Duration,
    /// The configured secrets, which must not appear anywhere.
    pub scrubber: Scrubber,
}

/// What a service is called among those that share its state.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct NodeName {
    /// The name.
    pub name: String,
    /// What its workers can do that others cannot.
    pub labels: Vec<String>,
}

/// Carries runs out.
///
/// It is cheap to clone; clones are the same engine.
#[derive(Clone)]
pub struct Engine {
    pub(crate) parts: Arc<Parts>,
    pub(crate) registry: Arc<Registry>,
    pub(crate) owner: Owner,
    pub(crate) index: RecipeIndex,
    pub(crate) known_plans: KnownPlans,
    pub(crate) ends: Ends,
}

/// What came of taking a run up at once.
#[derive(Debug)]
pub enum Begun {
    /// A run of the title has not ended yet.
    Already,
    /// It is taken up, and to be carried on with [`Engine::carry_on`].
    New(Box<TakenUp>),
    /// There is nothing of that name, and never was.
    Unknown(Failure),
}

/// A run that this process has taken up.
#[derive(Debug)]
pub struct TakenUp {
    pub(crate) run: Run,
    pub(crate) lease: Lease,
}

impl TakenUp {
    /// The name of the run.
    pub const fn id(&self) -> RunId {
        self.run.id
    }
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine")
            .field("owner", &self.owner)
            .finish_non_exhaustive()
    }
}

impl Engine {
    /// An engine of this process.
    pub fn new(parts: Parts) -> Self {
        Self {
            parts: Arc::new(parts),
            registry: Arc::new(Registry::native()),
            owner: Owner::of_this_process(),
            index: RecipeIndex::default(),
            known_plans: KnownPlans::default(),
            ends: Ends::default(),
        }
    }

    /// The state.
    pub fn db(&self) -> &Db {
        &self.parts.db
    }

    /// The repository that is published to.
    pub fn repository(&self) -> &Arc<dyn Backend> {
        &self.parts.repository
    }

    /// The service desk.
    pub fn desk(&self) -> &Desk {
        &self.parts.desk
    }

    /// What the scanner may be asked in the present minute, day and month, and how much of it was.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn scan_quota(&self) -> Result<Vec<(QuotaWindow, u32)>, Failure> {
        Ok(self.parts.scanning.scanner.quota().await?)
    }

    /// The time.
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.parts.clock
    }

    /// What this service is called among those that share its state.
    pub fn node(&self) -> &NodeName {
        &self.parts.node
    }

    /// Who takes runs up here.
    pub(crate) fn worker(&self) -> store::Worker {
        let node = &self.parts.node;
        store::Worker {
            owner: self.owner.to_string(),
            node: node.name.clone(),
            labels: node.labels.clone(),
            node_seen_since: self.clock().now().minus(self.parts.lease.saturating_mul(2)),
        }
    }

    /// Puts a run into the queue, unless one of the same title has not ended yet.
    ///
    /// An override that is not found is queued all the same: that it is gone is a failure that somebody must hear of.
    ///
    /// # Errors
    /// If the name can be no title's, or the database fails.
    pub async fn queue(&self, request: &Request, trigger: Trigger) -> Result<Queued, Failure> {
        let new = self.new_run(request, trigger).await?;
        let queued = self.parts.db.run_queue(&new, self.clock().now()).await?;
        if let Queued::New(id) = queued {
            tracing::info!(run.id = %id, title.name = %new.title, trigger = trigger.as_str(), "run queued");
        }
        Ok(queued)
    }

    /// Begins a run of `request` at once, ahead of whatever is in the queue.
    ///
    /// # Errors
    /// If the name can be no title's, or the database fails.
    pub async fn take_up(&self, request: &Request, trigger: Trigger) -> Result<Begun, Failure> {
        let sought = self.sought(request).await?;
        if let Some(unknown) = self.never_known(&sought).await? {
            return Ok(Begun::Unknown(unknown));
        }
        let new = new_run(request, title_of(sought)?, trigger)?;
        let now = self.clock().now();
        let until = now.plus(self.parts.lease);
        let worker = self.worker();
        let db = &self.parts.db;
        let mut begun = db.run_begin(&new, &worker, now, until).await?;
        if begun.is_none() && self.had_held_ends().await? {
            // It may have been the end of its last run.
            begun = db.run_begin(&new, &worker, now, until).await?;
        }
        let Some((run, lease)) = begun else {
            return Ok(Begun::Already);
        };
        tracing::info!(run.id = %run.id, title.name = %new.title, trigger = trigger.as_str(), "run begun");
        Ok(Begun::New(Box::new(TakenUp { run, lease })))
    }

    /// What goes into the queue for `request`, for callers that put it there together with something else.
    ///
    /// # Errors
    /// If the name can be no title's.
    pub async fn new_run(&self, request: &Request, trigger: Trigger) -> Result<NewRun, Failure> {
        new_run(request, self.title(request).await?, trigger)
    }

    /// The title that `request` is about.
    ///
    /// # Errors
    /// If its name can be no title's.
    pub async fn title(&self, request: &Request) -> Result<Title, Failure> {
        title_of(self.sought(request).await?)
    }

    async fn sought(&self, request: &Request) -> Result<Sought, Failure> {
        let (engine, request) = (self.clone(), request.clone());
        briefly(move || Ok(Plan::sought(&engine.parts.recipes, &request))).await
    }

    /// Why nothing can be run under this name, if nothing ever could: no file has it, and nobody ever approved it.
    /// That is an answer to whoever asked. An override that was approved and is gone is a failure of its runs.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn unknown(&self, request: &Request) -> Result<Option<Failure>, Failure> {
        let sought = self.sought(request).await?;
        self.never_known(&sought).await
    }

    async fn never_known(&self, sought: &Sought) -> Result<Option<Failure>, Failure> {
        let (Some(failure), Ok(title)) = (&sought.absent, &sought.title) else {
            return Ok(sought.absent.clone());
        };
        let approval = self.parts.db.approval_find(title).await?;
        Ok(approval.is_none().then(|| failure.clone()))
    }

    /// How the override that `name` names stands to its approval.
    ///
    /// # Errors
    /// If it cannot be put together, what it reaches cannot be told, or the database fails.
    pub async fn standing(&self, request: &Request) -> Result<Standing, Failure> {
        let plan = self.plan(request).await?;
        let title = plan.title(&request.name)?;
        let approval = self.approval(&title).await?;
        let engine = self.clone();
        let (now, scrubber) = blocking(move || {
            let (env, _notes) = plan.variables(&engine.cache_dir());
            let mut scrubber = engine.parts.scrubber.clone();
            secrets::learn_plan(&mut scrubber, &env, plan.recipe.steps());
            Ok((plan.closure(&*engine.parts.history)?, scrubber))
        })
        .await?;
        Ok(Standing {
            title,
            approval,
            now,
            scrubber,
        })
    }

    /// What was approved of `title`, if anything was.
    pub(crate) async fn approval(&self, title: &Title) -> Result<Option<Approval>, Failure> {
        let stored = self.parts.db.approval_find(title).await?;
        stored.map(Approval::read).transpose()
    }

    /// Approves everything that the override reaches now, by `who`; answers how it stood before.
    ///
    /// # Errors
    /// As [`Engine::standing`].
    pub async fn approve(&self, request: &Request, who: &str) -> Result<Standing, Failure> {
        let standing = self.standing(request).await?;
        self.approve_standing(&standing, who).await?;
        Ok(standing)
    }

    /// Approves what `standing` says the override reaches, and nothing that has changed since.
    pub(crate) async fn approve_standing(
        &self,
        standing: &Standing,
        who: &str,
    ) -> Result<(), Failure> {
        let (closure, scrubber) = (standing.now.clone(), standing.scrubber.clone());
        let approved = blocking(move || Ok(Approved::of(closure, &scrubber))).await?;
        let closure = serde_json::to_value(&approved)
            .map_err(|error| Failure::from_error(model::FailureClass::Internal, &error))?;
        let now = self.clock().now();
        self.parts
            .db
            .approval_record(&standing.title, &closure, who, now)
            .await?;
        tracing::info!(title.name = %standing.title, approved_by = who, "override approved");
        Ok(())
    }

    /// The changes of `standing` for people.
    ///
    /// # Errors
    /// If the thread that compares is lost.
    pub async fn difference(&self, standing: &Standing) -> Result<String, Failure> {
        let (engine, standing) = (self.clone(), standing.clone());
        blocking(move || Ok(standing.difference(&*engine.parts.history))).await
    }

    pub(crate) async fn plan(&self, request: &Request) -> Result<Plan, Failure> {
        let (engine, request) = (self.clone(), request.clone());
        blocking(move || Plan::make(&engine.parts.recipes, &request)).await
    }

    /// The recipes among which `request` is sought. Blocking.
    pub fn library(&self, request: &Request) -> Library {
        self.parts.recipes.library(request)
    }

    /// Where runs keep what they download and make.
    pub fn cache_dir(&self) -> PathBuf {
        self.parts.recipes.cache_dir.clone()
    }

    /// What belongs to a run that is taken up.
    pub(crate) fn request_of(run: &Run) -> Result<Request, Failure> {
        serde_json::from_value(run.request.clone())
            .map_err(|error| Failure::from_error(model::FailureClass::Internal, &error))
    }

    /// The run of this name, as it stands.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn run(&self, id: RunId) -> Result<Option<Run>, Failure> {
        Ok(self.parts.db.run_find(id).await?)
    }
}

/// The title that was sought.
fn title_of(sought: Sought) -> Result<Title, Failure> {
    let title = sought.title;
    title.map_err(|error| Failure::from_error(model::FailureClass::Configuration, &error))
}

fn new_run(request: &Request, title: Title, trigger: Trigger) -> Result<NewRun, Failure> {
    let request = serde_json::to_value(request)
        .map_err(|error| Failure::from_error(model::FailureClass::Internal, &error))?;
    Ok(NewRun {
        title,
        trigger,
        request,
        terms: Terms::default(),
    })
}

/// Does `work` on a thread that may block.
///
/// # Errors
/// Those of `work`; a panic in it is a fault of this program, and ends only the run.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Failure> + Send + 'static,
) -> Result<T, Failure> {
    // What is logged there belongs to the run, too.
    let span = tracing::Span::current();
    match tokio::task::spawn_blocking(move || span.in_scope(work)).await {
        Ok(result) => result,
        Err(error) => Err(Failure::from_error(model::FailureClass::Internal, &error)),
    }
}

/// As [`blocking`] if it `takes_long`, else as [`briefly`].
pub(crate) async fn blocking_if<T: Send + 'static>(
    takes_long: bool,
    work: impl FnOnce() -> Result<T, Failure> + Send + 'static,
) -> Result<T, Failure> {
    if takes_long {
        blocking(work).await
    } else {
        briefly(work).await
    }
}

/// As [`blocking`], for what is over in a moment.
///
/// # Errors
/// As [`blocking`].
pub(crate) async fn briefly<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Failure> + Send + 'static,
) -> Result<T, Failure> {
    let span = tracing::Span::current();
    match fetch::briefly(move || span.in_scope(work)).await {
        Ok(result) => result,
        Err(error) => Err(Failure::from_error(model::FailureClass::Internal, &error)),
    }
}
