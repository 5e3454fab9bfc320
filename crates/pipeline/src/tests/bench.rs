//! A whole engine on the bench: a vendor, a scanner, a repository and a clock, all arranged by the test.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use ::evidence::Keyring;
use desk::Desk;
use fetch::{Fetcher, RetryPolicy, Settings};
use model::{Clock as _, FixedClock, Timestamp, Trigger};
use publication::{
    FolderRepository, Unobserved,
    tuf::{Lifetimes, Tuf},
};
use recipe::{Library, NoHistory, Preferences};
use redact::{Scrubber, Secret};
use scan::VirusTotal;
use store::{Queued, RunEnd};
use tempfile::TempDir;
use testkit::{
    package::component,
    vendor::{Resource, Vendor},
    virus_total::{self, Verdict},
};
use tokio_util::sync::CancellationToken;

use crate::{
    Engine, Outcome, Parts, Recipes, Reporter, Request, Scanning, Silent, StepLimits, Worked,
};

pub(super) const TITLE: &str = "Widget.munki";

pub(super) struct Bench {
    pub(super) folder: TempDir,
    pub(super) vendor: Vendor,
    pub(super) virus_total: virus_total::VirusTotal,
    pub(super) clock: Arc<FixedClock>,
    pub(super) engine: Engine,
}

impl Bench {
    /// An engine with one title, approved, of which version 1.0 is released and everything clean.
    pub(super) async fn new() -> Self {
        let bench = Self::unapproved().await;
        bench.approve().await;
        bench
    }

    pub(super) async fn unapproved() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let vendor = Vendor::start().await.unwrap();
        let virus_total = virus_total::VirusTotal::start().await.unwrap();
        virus_total.will_say_of_others(Verdict::clean());
        let clock = Arc::new(FixedClock::at(Timestamp::from_secs(1_800_000_000)));
        write_recipes(folder.path(), &vendor);
        let key = Some(virus_total::KEY);
        let scan = scan_config(&virus_total, key);
        let engine = engine(folder.path(), scan, &clock).await;
        let bench = Self {
            folder,
            vendor,
            virus_total,
            clock,
            engine,
        };
        bench.release("1.0", b"one");
        bench
    }

    /// The same house after the process was killed and started again.
    pub(super) async fn restarted(mut self) -> Self {
        let scan = scan_config(&self.virus_total, Some(virus_total::KEY));
        self.engine = engine(self.folder.path(), scan, &self.clock).await;
        self
    }

    /// The same house without a key for the scanner.
    pub(super) async fn without_key(mut self) -> Self {
        let scan = scan_config(&self.virus_total, None);
        self.engine = engine(self.folder.path(), scan, &self.clock).await;
        self
    }

    /// The same house where scanners are used as `set` says.
    pub(super) async fn scanning(mut self, set: impl FnOnce(&mut scan::Config)) -> Self {
        let mut scan = scan_config(&self.virus_total, Some(virus_total::KEY));
        set(&mut scan);
        self.engine = engine(self.folder.path(), scan, &self.clock).await;
        self
    }

    pub(super) async fn approve(&self) {
        let request = Request::named(TITLE);
        self.engine.approve(&request, "me").await.unwrap();
    }

    /// The vendor releases a version, and the scanner knows it as clean.
    pub(super) fn release(&self, version: &str, contents: &[u8]) {
        let package = package(version, contents);
        let sha256 = model::Sha256::of(&package);
        self.virus_total.know(sha256, Verdict::clean());
        self.vendor.put("/Widget.pkg", Resource::file(package));
    }

    pub(super) async fn run(&self) -> Worked {
        self.run_request(&Request::named(TITLE)).await
    }

    pub(super) async fn run_request(&self, request: &Request) -> Worked {
        let queued = self.engine.queue(request, Trigger::Manual).await.unwrap();
        assert!(matches!(queued, Queued::New(_)), "{queued:?}");
        self.work().await.unwrap()
    }

    pub(super) async fn queue(&self) {
        let request = Request::named(TITLE);
        self.engine.queue(&request, Trigger::Manual).await.unwrap();
    }

    /// What a worker does next.
    pub(super) async fn work(&self) -> Option<Worked> {
        let reporter: Arc<dyn Reporter> = Arc::new(Silent);
        let stop = CancellationToken::new();
        self.engine.work(&reporter, &stop).await.unwrap()
    }

    pub(super) fn repository(&self) -> PathBuf {
        self.folder.path().join("repo")
    }

    /// The files of the repository, without its own records and update metadata, sorted.
    pub(super) fn files(&self) -> Vec<String> {
        let tree = media::HostTree::new(&self.repository()).unwrap();
        let entries = media::walk(&tree, "").unwrap().into_iter();
        entries
            .filter(media::Entry::is_file)
            .filter(|entry| !entry.path.starts_with('.') && !entry.path.starts_with("tuf/"))
            .map(|entry| entry.path)
            .collect()
    }

    /// How many steps a run carried out.
    pub(super) async fn steps(&self, worked: &Worked) -> usize {
        self.engine.db().step_list(worked.run).await.unwrap().len()
    }

    /// The incidents, as `class state repeats`, oldest first.
    pub(super) async fn incidents(&self) -> Vec<String> {
        let listed = self.engine.db().incident_list(store::IncidentFilter::All);
        let mut incidents = listed.await.unwrap();
        incidents.sort_by_key(|incident| incident.id.to_string());
        let shown = incidents.iter().map(|incident| {
            let (class, state) = (incident.key.class, incident.state.as_str());
            format!("{class} {state} {}", incident.repeats)
        });
        shown.collect()
    }
}

pub(super) fn package(version: &str, contents: &[u8]) -> Vec<u8> {
    component(
        "com.example.Widget",
        version,
        &[("usr/local/widget", contents)],
    )
    .unwrap()
}

/// How the worker's run ended, as `state class`.
pub(super) fn end(worked: &Worked) -> String {
    match &worked.outcome {
        Outcome::Ended(end) => match end {
            RunEnd::Failed(failure) | RunEnd::Held(failure) => {
                format!("{} {}", end.state(), failure.class)
            }
            _ => end.state().to_string(),
        },
        other => format!("{other:?}"),
    }
}

fn write_recipes(folder: &Path, vendor: &Vendor) {
    let recipes = folder.join("recipes");
    let overrides = folder.join("overrides");
    for folder in [&recipes, &overrides] {
        fs_err::create_dir_all(folder).unwrap();
    }
    let url = vendor.url("/Widget.pkg");
    let recipe = format!(
        "Identifier: com.example.munki.Widget
Input: {{NAME: Widget, API_TOKEN: hunter2-canary, pkginfo: {{catalogs: [testing], name: '%NAME%'}}}}
Process:
- Processor: URLDownloader
  Arguments: {{url: '{url}', filename: Widget.pkg, request_headers: {{Authorization: 'Bearer nested-canary'}}}}
- Processor: EndOfCheckPhase
- Processor: MunkiImporter
  Arguments: {{pkg_path: '%pathname%', repo_subdirectory: apps}}
"
    );
    fs_err::write(recipes.join("Widget.munki.recipe.yaml"), recipe).unwrap();
    let title = "Identifier: local.munki.Widget
ParentRecipe: com.example.munki.Widget
Input: {NAME: Widget}
";
    fs_err::write(overrides.join("Widget.munki.recipe.yaml"), title).unwrap();
}

const KEEPING: crate::Keeping = crate::Keeping {
    run_days: 30,
    runs: 1,
    receipt_days: 30,
    cache_days: 90,
};

fn scan_config(virus_total: &virus_total::VirusTotal, key: Option<&str>) -> scan::Config {
    scan::Config {
        base_url: virus_total.base_url(),
        api_key: key.map(|key| Secret::new(key.to_owned())),
        per_minute: 1_000,
        per_day: 10_000,
        ..scan::Config::default()
    }
}

async fn engine(folder: &Path, scan: scan::Config, clock: &Arc<FixedClock>) -> Engine {
    let db = testkit::database(&folder.join("auto-update.db")).await;
    let settings = Settings {
        plain_http_hosts: ["127.0.0.1".to_owned()].into(),
        retry: RetryPolicy::NONE,
        ..Settings::default()
    };
    let yara = scan::Yara::new(scan.yara.clone(), db.clone(), clock.clone()).unwrap();
    let clamd = scan::Clamd::new(scan.clamd.clone(), db.clone(), clock.clone()).unwrap();
    let (rescans, never_upload) = (scan.rescans(), &scan.never_upload);
    let never_upload = never_upload.iter().map(|it| it.parse().unwrap()).collect();
    let scanner = VirusTotal::new(scan, db.clone(), clock.clone()).unwrap();
    let desk = Desk::new(
        desk::Config::default(),
        db.clone(),
        clock.clone(),
        Scrubber::new(),
    );
    let dir = |name: &str| vec![folder.join(name).display().to_string()];
    let tuf = Tuf::new(folder.join("keys/tuf"), Lifetimes::default());
    tuf.begin(clock.now()).unwrap();
    Engine::new(Parts {
        db,
        clock: clock.clone(),
        fetcher: Arc::new(Fetcher::new(settings).unwrap()),
        desk: Arc::new(desk.unwrap()),
        scanning: Scanning {
            scanner: Arc::new(scanner),
            clamd: clamd.map(Arc::new),
            yara: yara.map(Arc::new),
            patience: Duration::from_hours(24),
            rescans,
            never_upload,
            afterwards: crate::Afterwards::default(),
        },
        repository: Arc::new(FolderRepository::create(&folder.join("repo")).unwrap()),
        keyring: Keyring::in_folder(&folder.join("keys")),
        tuf: Some(tuf),
        observer: Arc::new(Unobserved),
        recipes: Recipes {
            preferences: Preferences::of_user(folder, None),
            library: Library::new(&dir("recipes"), &dir("overrides"), None),
            environment: Vec::new(),
            cache_dir: folder.join("cache"),
        },
        python: Arc::new(processors::PythonHost::default()),
        signatures: processors::SignaturePolicy::default(),
        guards: crate::Guards::default(),
        rings: publication::Rings::default(),
        retention: publication::Retention::default(),
        keeping: KEEPING,
        limits: StepLimits::default(),
        retries: crate::Retries::default(),
        node: crate::NodeName::default(),
        lease: Duration::from_mins(1),
        history: Arc::new(NoHistory),
        scrubber: Scrubber::new(),
    })
}

/// The names of what the run's steps report.
pub(super) fn reported(worked: &Worked) -> Vec<&str> {
    let names = worked.reports.iter().map(|report| report.name.as_str());
    names.collect()
}
