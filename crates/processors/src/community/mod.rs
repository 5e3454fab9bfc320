//! Processors of recipe repositories: Python classes, run in a sandbox.
//!
//! A [`PythonHost`] loads a class from the very bytes that were approved ([`Sources`]) and answers a [`Community`], which
//! is a [`Processor`] like any other. Each step runs in a process of its own, with the run's workspace to write, its
//! sources to read, and no network unless the operator allows it for that processor. What `URLGetter` and `DmgMounter`
//! promise is done outside, by our own downloader and reader; tools of macOS are served by the program that
//! [`PythonSettings`] names, and core processors that it builds on are carried out by it in the same sandbox.
//!
//! **Invariants**
//! - Only bytes with an approved digest are loaded.
//! - Of the variables with secrets a step gets those that its recipe gives it or that its class declares, and no others.
//! - While a processor runs, nothing outside writes where it could have put a link.
//! - A step that leaves a link out of its workspace fails: no later step follows it.
//! - What decides where the program itself reads and writes, and whom it tells a token, no step changes.

mod calls;
mod host;
mod links;
mod scratch;
mod sources;
mod stopped;
mod talk;
#[cfg(test)]
mod tests;
mod tools;
mod value;
mod within;

use std::{
    borrow::Cow,
    collections::{BTreeSet, HashSet},
    path::Path,
    sync::Arc,
};

use async_trait::async_trait;
use model::{FailureClass, chain};
use proplist::Dict;
use redact::is_secret_name;

use self::talk::Manifest;
pub use self::{
    calls::clear_fetched,
    host::{PythonHost, PythonSettings},
    scratch::clear_scratch,
    sources::Sources,
    tools::mac_tools,
    within::{STEP_TOOL, serve_step, works_within},
};
use crate::{Call, Env, Input, Output, Outputs, Processor, StepContext, StepError};

/// One processor of a recipe repository, loaded.
#[derive(Clone, Debug)]
pub struct Community {
    name: String,
    manifest: Manifest,
    sources: Arc<Sources>,
    host: Arc<PythonHost>,
}

#[async_trait]
impl Processor for Community {
    fn name(&self) -> &str {
        &self.name
    }

    fn description(&self) -> &str {
        &self.manifest.description
    }

    fn inputs(&self) -> Vec<Input> {
        self.manifest.inputs()
    }

    fn outputs(&self) -> Vec<Output> {
        Vec::new()
    }

    fn output_names(&self) -> Vec<Cow<'static, str>> {
        let names = self.manifest.outputs.iter();
        names.map(|name| Cow::Owned(name.clone())).collect()
    }

    /// A class reads whatever it likes of its variables, declared or not.
    fn takes_any_argument(&self) -> bool {
        true
    }

    async fn run(
        &self,
        call: &Call,
        context: &StepContext,
        env: &mut Env,
    ) -> Result<Outputs, StepError> {
        let given = self.visible(call, env);
        let before = links::begin(&context.workspace).await?;
        let result = self.host.run(self, context, &given, env).await;
        detach_all(&context.workspace).await?;
        // However it ended: others follow what it left.
        links::refuse_new(&context.workspace, &before).await?;
        let mut result = result?;
        for name in keep_house(&mut result, env) {
            let text = format!("{name} is not the processor's to set, and stays as it was");
            context.messages.say(&text);
        }
        stage_edited(context).await?;
        for name in given.keys() {
            if !result.contains_key(name) {
                env.shift_remove(name);
            }
        }
        env.extend(result);
        Ok(Outputs::Declared)
    }
}

impl Community {
    /// The variables that the step gets: all but secrets that nobody meant for it.
    fn visible(&self, call: &Call, env: &Env) -> Dict {
        let declared = self.manifest.inputs.keys().map(String::as_str);
        let meant: HashSet<&str> = call
            .arguments
            .keys()
            .map(String::as_str)
            .chain(declared)
            .collect();
        env.iter()
            .filter(|(name, _)| !is_secret_name(name) || meant.contains(name.as_str()))
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect()
    }
}

/// Variables of the house, which no processor changes: where a run's files lie, where what is published goes, who is asked
/// with which token, and what is not verified.
fn is_of_the_house(name: &str) -> bool {
    const NAMES: [&str; 9] = [
        "AUTOPKG_VERSION",
        "CACHE_DIR",
        "DISABLE_CODE_SIGNATURE_VERIFICATION",
        "MUNKI_REPO",
        "MUNKI_SAME_ITEM_RULES",
        "PARENT_RECIPES",
        "RECIPE_CACHE_DIR",
        "RECIPE_DIR",
        "RECIPE_PATH",
    ];
    NAMES.contains(&name) || calls::HOUSE_ONLY.contains(&name)
}

/// Has variables of the house be as they are in `env`; answers which ones were changed.
fn keep_house(result: &mut Dict, env: &Env) -> Vec<String> {
    let house = |name: &String| is_of_the_house(name);
    let names: BTreeSet<String> = env
        .keys()
        .chain(result.keys())
        .filter(|name| house(name))
        .cloned()
        .collect();
    let mut changed = Vec::new();
    for name in names {
        let (was, is) = (env.get(&name), result.get(&name));
        // A secret that the step was not given is not there, and not changed.
        if was == is || (is.is_none() && is_secret_name(&name)) {
            continue;
        }
        match was.cloned() {
            Some(was) => result.insert(name.clone(), was),
            None => result.shift_remove(&name),
        };
        changed.push(name);
    }
    changed
}

async fn detach_all(workspace: &Path) -> Result<(), StepError> {
    let workspace = workspace.to_owned();
    let removed = tokio::task::spawn_blocking(move || tools::detach_all(&workspace)).await;
    let removed = removed.unwrap_or_else(|ended| Err(std::io::Error::other(ended)));
    removed.map_err(|error| {
        StepError::package("what a processor attached cannot be removed").caused_by(error)
    })
}

/// What a processor edits of what `MunkiImporter` has made is what is published.
async fn stage_edited(context: &StepContext) -> Result<(), StepError> {
    let staging = Arc::clone(&context.staging);
    if staging.is_empty() {
        return Ok(());
    }
    let edited = tokio::task::spawn_blocking(move || staging.stage_edited_pkginfos()).await;
    let edited = edited.map_err(|ended| {
        StepError::new(FailureClass::Internal, "staging ended unexpectedly").caused_by(ended)
    })?;
    let edited = edited.map_err(|error| {
        StepError::package(chain(&error))
            .with_next_step(
                "Let the processor edit other keys of the pkginfo, or let the recipe set them before MunkiImporter.",
            )
            .caused_by(error)
    })?;
    for location in edited {
        let text = format!("pkgsinfo/{location} was edited, and is published as it is now");
        context.messages.say(&text);
    }
    Ok(())
}

/// The class in its file: what follows the slash of the step's name.
fn class_of(name: &str) -> &str {
    name.split_once('/')
        .map_or(name, |(_identifier, class)| class)
}
