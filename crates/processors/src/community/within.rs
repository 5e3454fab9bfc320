//! Core processors that a community processor has work for it.
//!
//! Those that only work on files are carried out by this program in the sandbox of the processor that asks, with no more
//! rights than it has itself: whatever paths it names, it reaches nothing that it could not reach without them. The few
//! that ask servers are carried out outside (`calls.rs`), and touch no file.

use std::{path::PathBuf, sync::Arc};

use fetch::Fetcher;
use model::SystemClock;
use proplist::Dict;
use publication::{FolderRepository, Staging};
use serde::Deserialize;
use serde_json::{Map, Value as Json, json};
use tokio_util::sync::CancellationToken;

use super::value;
use crate::{
    Call, Downloads, Env, Processor, Registry, SignaturePolicy, StepContext, StepError,
    StepMessages, execute_step,
};

/// The name under which the program is started in the sandbox to carry out a step of a core processor.
pub const STEP_TOOL: &str = "auto-update-step";

/// They ask servers for texts; of files they know nothing.
pub(super) const OUTSIDE: [&str; 2] = ["GitHubReleasesInfoProvider", "SparkleUpdateInfoProvider"];

/// They are written in Python over `URLGetter`, since others build on their methods.
const IN_PYTHON: [&str; 5] = [
    "CURLDownloader",
    "CURLTextSearcher",
    "URLDownloader",
    "URLDownloaderPython",
    "URLTextSearcher",
];

/// They work on the repository, which is none of a community processor's business, or are no steps.
const NOT_WITHIN: [&str; 4] = [
    "DmgMounter",
    "MunkiImporter",
    "MunkiOptionalReceiptEditor",
    "URLGetter",
];

/// Whether a community processor can have the core processor `name` work for it.
pub fn works_within(name: &str) -> bool {
    !NOT_WITHIN.contains(&name) && Registry::native().get(name).is_some()
}

/// What the host tells its processors of the core ones: inputs and outputs, and how each is carried out.
pub(super) fn manifests() -> Json {
    let registry = Registry::native();
    let manifests: Map<String, Json> = registry
        .names()
        .filter_map(|name| Some((name.to_owned(), manifest(registry.get(name)?))))
        .collect();
    Json::Object(manifests)
}

fn manifest(processor: &dyn Processor) -> Json {
    let inputs: Map<String, Json> = processor
        .inputs()
        .iter()
        .map(|input| {
            let mut flags = json!({"required": input.required, "description": ""});
            if let (Some(default), Some(flags)) = (&input.default, flags.as_object_mut()) {
                flags.insert("default".to_owned(), value::encode(default));
            }
            (input.name.clone().into_owned(), flags)
        })
        .collect();
    let name = processor.name();
    let how = match () {
        () if NOT_WITHIN.contains(&name) => "refused",
        () if OUTSIDE.contains(&name) => "outside",
        () if IN_PYTHON.contains(&name) => "python",
        () => "inside",
    };
    json!({
        "description": processor.description(),
        "inputs": inputs,
        "outputs": processor.output_names(),
        "how": how,
    })
}

/// What is asked for in the sandbox.
#[derive(Deserialize)]
struct Order {
    processor: String,
    env: Json,
}

/// Carries out what `order` asks for, as JSON: `{"processor", "env"}`. Each message is told as it comes,
/// `{"say": text}`; the answer is `{"done": {"env"}}` or `{"failed": {"text"}}`.
///
/// It is meant to be called in the sandbox only, where it has a processor's own rights.
pub async fn serve_step(order: &[u8], tell: Arc<dyn Fn(&Json) + Send + Sync>) -> Json {
    match step(order, tell).await {
        Ok(env) => json!({"done": {"env": env}}),
        Err(error) => json!({"failed": {"text": error.to_string()}}),
    }
}

async fn step(order: &[u8], tell: Arc<dyn Fn(&Json) + Send + Sync>) -> Result<Json, StepError> {
    let order: Order = serde_json::from_slice(order)
        .map_err(|error| StepError::package("the order cannot be read").caused_by(error))?;
    let mut env = value::variables(&order.env)
        .ok_or_else(|| StepError::package("the variables cannot be read"))?;
    let is_inside = works_within(&order.processor)
        && !OUTSIDE.contains(&&*order.processor)
        && !IN_PYTHON.contains(&&*order.processor);
    if !is_inside {
        return Err(refused(&order.processor));
    }
    let folder = tempfile::tempdir().map_err(unmade)?;
    let context = context(&env, folder.path(), tell)?;
    perform(&Registry::native(), &context, &order.processor, &mut env).await?;
    Ok(value::encode(&proplist::Value::Dict(env)))
}

/// Carries out a step without arguments: what it reads is among the variables.
pub(super) async fn perform(
    registry: &Registry,
    context: &StepContext,
    processor: &str,
    env: &mut Env,
) -> Result<(), StepError> {
    let call = Call {
        processor: processor.to_owned(),
        arguments: Dict::new(),
        origin: "a processor of a recipe repository".to_owned(),
    };
    execute_step(registry, context, &call, env).await?;
    Ok(())
}

pub(super) fn refused(processor: &str) -> StepError {
    StepError::configuration(format!(
        "{processor} is run by the program itself, and not from within a community processor; use it as a step of the \
         recipe"
    ))
}

fn unmade(error: std::io::Error) -> StepError {
    StepError::package("a temporary folder cannot be made").caused_by(error)
}

/// What a step in the sandbox may touch: there is no network, and the repository is an empty one.
fn context(
    env: &Env,
    folder: &std::path::Path,
    tell: Arc<dyn Fn(&Json) + Send + Sync>,
) -> Result<StepContext, StepError> {
    let fetcher = Fetcher::offline().map_err(crate::web::failure)?;
    let repository = FolderRepository::create(&folder.join("repo")).map_err(|error| {
        StepError::package("a folder for the step cannot be made").caused_by(error)
    })?;
    let workspace = env
        .get("RECIPE_CACHE_DIR")
        .and_then(proplist::Value::as_str)
        .map_or_else(|| folder.to_owned(), PathBuf::from);
    Ok(StepContext {
        fetcher: Arc::new(fetcher),
        downloads: Arc::new(Downloads::default()),
        identities: Arc::default(),
        proofs: Arc::default(),
        pin: None,
        from_sandbox: true,
        staging: Arc::new(Staging::new(Arc::new(repository), folder)),
        signatures: SignaturePolicy::default(),
        messages: Arc::new(Told(tell)),
        clock: Arc::new(SystemClock),
        workspace,
        cancelled: CancellationToken::new(),
    })
}

/// Messages that go back to the processor that asked.
struct Told(Arc<dyn Fn(&Json) + Send + Sync>);

impl StepMessages for Told {
    fn say(&self, text: &str) {
        (self.0)(&json!({"say": text}));
    }

    fn warn(&self, text: &str) {
        (self.0)(&json!({"say": format!("WARNING: {text}")}));
    }

    fn progress(&self, _done_bytes: u64, _total_bytes: Option<u64>) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_a_core_processor() {
        let registry = Registry::native();
        for name in OUTSIDE.iter().chain(&IN_PYTHON).chain(&NOT_WITHIN) {
            assert!(registry.get(name).is_some(), "{name}");
        }
        assert!(works_within("Copier") && !works_within("MunkiImporter"));
        assert!(!works_within("Own"));
    }

    #[tokio::test]
    async fn only_steps_that_work_on_files_are_carried_out_in_the_sandbox() {
        let folder = tempfile::tempdir().unwrap();
        fs_err::write(folder.path().join("a"), "text").unwrap();
        let cache = folder.path().display().to_string();
        let order = |processor: &str| {
            json!({"processor": processor, "env": {
                "RECIPE_CACHE_DIR": cache,
                "source_path": format!("{cache}/a"),
                "destination_path": format!("{cache}/b"),
            }})
            .to_string()
        };
        let said = Arc::new(std::sync::Mutex::new(Vec::new()));
        let told = Arc::clone(&said);
        let tell: Arc<dyn Fn(&Json) + Send + Sync> =
            Arc::new(move |message: &Json| told.lock().unwrap().push(message.clone()));
        let done = serve_step(order("Copier").as_bytes(), Arc::clone(&tell)).await;
        assert_eq!(done["done"]["env"]["source_path"], format!("{cache}/a"));
        assert!(folder.path().join("b").is_file());
        assert_eq!(
            said.lock().unwrap()[0]["say"],
            format!("Copied {cache}/a to {cache}/b")
        );
        for (order, why) in [
            (order("MunkiImporter"), "is run by the program itself"),
            (
                order("GitHubReleasesInfoProvider"),
                "is run by the program itself",
            ),
            (order("Nothing"), "is run by the program itself"),
            ("{}".to_owned(), "the order cannot be read"),
        ] {
            let failed = serve_step(order.as_bytes(), Arc::clone(&tell)).await;
            let text = failed["failed"]["text"].as_str().unwrap();
            assert!(text.contains(why), "{text}");
        }
    }
}
