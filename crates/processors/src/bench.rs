//! A bench on which tests try steps: a workspace, a vendor's server, a recorder of messages.

use std::{
    path::Path,
    sync::{Arc, Mutex},
};

use fetch::{Fetcher, RetryPolicy, Settings};
use model::{FixedClock, Timestamp};
use proplist::Value;
use tempfile::TempDir;
use testkit::vendor::Vendor;
use tokio_util::sync::CancellationToken;

use crate::{
    Call, Downloads, Env, Registry, SignaturePolicy, StepContext, StepError, StepMessages,
    StepRecord, execute_step,
};

#[derive(Debug, Default)]
pub(crate) struct Recorder(Mutex<Vec<String>>);

impl StepMessages for Recorder {
    fn say(&self, text: &str) {
        self.0.lock().unwrap().push(text.to_owned());
    }

    fn warn(&self, text: &str) {
        self.0.lock().unwrap().push(format!("WARNING: {text}"));
    }

    fn progress(&self, _done_bytes: u64, _total_bytes: Option<u64>) {}
}

pub(crate) struct Bench {
    /// Gone when the bench is.
    _folder: TempDir,
    pub(crate) vendor: Vendor,
    pub(crate) registry: Registry,
    pub(crate) context: StepContext,
    pub(crate) env: Env,
    recorder: Arc<Recorder>,
}

impl Bench {
    pub(crate) async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let recorder = Arc::new(Recorder::default());
        let workspace = folder.path().join("cache");
        fs_err::create_dir(&workspace).unwrap();
        let settings = Settings {
            plain_http_hosts: ["127.0.0.1".to_owned()].into(),
            retry: RetryPolicy::NONE,
            ..Settings::default()
        };
        let context = StepContext {
            fetcher: Arc::new(Fetcher::new(settings).unwrap()),
            downloads: Arc::new(Downloads::default()),
            identities: Arc::default(),
            proofs: Arc::default(),
            pin: None,
            from_sandbox: false,
            staging: Arc::new(staging(folder.path(), &workspace)),
            signatures: SignaturePolicy::default(),
            messages: Arc::clone(&recorder) as Arc<dyn StepMessages>,
            clock: Arc::new(FixedClock::at(Timestamp::from_secs(1_800_000_000))),
            workspace: workspace.clone(),
            cancelled: CancellationToken::new(),
        };
        let mut env = Env::new();
        env.insert("NAME".to_owned(), "Widget".into());
        env.insert(
            "RECIPE_CACHE_DIR".to_owned(),
            workspace.to_str().unwrap().into(),
        );
        Self {
            _folder: folder,
            vendor: Vendor::start().await.unwrap(),
            registry: Registry::native(),
            context,
            env,
            recorder,
        }
    }

    /// Carries a step out; its arguments are written as JSON.
    pub(crate) async fn step(
        &mut self,
        processor: &str,
        arguments: serde_json::Value,
    ) -> Result<StepRecord, StepError> {
        let call = call(processor, &arguments);
        execute_step(&self.registry, &self.context, &call, &mut self.env).await
    }

    pub(crate) fn said(&self) -> Vec<String> {
        std::mem::take(&mut self.recorder.0.lock().unwrap())
    }

    pub(crate) fn text(&self, name: &str) -> &str {
        self.env[name].as_str().unwrap()
    }

    /// The path of `name` in the workspace.
    pub(crate) fn path(&self, name: &str) -> String {
        self.context
            .workspace
            .join(name)
            .to_str()
            .unwrap()
            .to_owned()
    }
}

pub(crate) fn call(processor: &str, arguments: &serde_json::Value) -> Call {
    Call {
        processor: processor.to_owned(),
        arguments: Value::from(arguments).as_dict().unwrap().clone(),
        origin: "Widget.download.recipe".to_owned(),
    }
}

fn staging(folder: &Path, workspace: &Path) -> publication::Staging {
    let repository = publication::FolderRepository::create(&folder.join("repo")).unwrap();
    publication::Staging::new(Arc::new(repository), workspace)
}

/// The corpus; nothing, and a word about it, where it is not there.
pub(crate) fn corpus(part: &str) -> Option<std::path::PathBuf> {
    let corpus = std::env::var("AUTO_UPDATE_CORPUS").unwrap_or_else(|_unset| {
        concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/corpus").to_owned()
    });
    let path = Path::new(&corpus).join(part);
    if path.exists() {
        return Some(path);
    }
    println!("skipped: there is no {}", path.display());
    None
}
