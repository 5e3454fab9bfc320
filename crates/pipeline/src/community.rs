//! Which steps of a plan are processors of recipe repositories, and from which files they are loaded.

use std::{path::Path, sync::Arc};

use model::FailureClass;
use processors::{Call, PythonHost, Registry, Sources, StepError, clear_scratch};
use recipe::{Closure, Role};

use crate::{Failure, engine::blocking};

/// A processor that has to be loaded.
#[derive(Clone, Debug)]
pub(crate) struct ToLoad {
    name: String,
    sources: Sources,
}

/// The processors of `calls` that are not native, with the files that `closure` found for them; one whose file was not
/// found is left out, and is unknown.
pub(crate) fn to_load(native: &Registry, calls: &[Call], closure: &Closure) -> Vec<ToLoad> {
    let mut found: Vec<ToLoad> = Vec::new();
    for call in calls {
        let name = &call.processor;
        if native.get(name).is_some() || found.iter().any(|known| &known.name == name) {
            continue;
        }
        let mut members = closure.members().iter();
        let file = members.find(|member| member.role == Role::Processor && &member.name == name);
        if let Some(file) = file.filter(|file| file.sha256.is_some()) {
            found.push(ToLoad {
                name: name.clone(),
                sources: sources(&file.path, closure),
            });
        }
    }
    found
}

/// The processor's file, the Python files beside it and in packages there, and the files that arguments name.
fn sources(processor: &Path, closure: &Closure) -> Sources {
    let mut sources = Sources {
        processor: processor.to_owned(),
        ..Sources::default()
    };
    for member in closure.members() {
        let is_beside = processor
            .parent()
            .is_some_and(|dir| member.path.starts_with(dir));
        match member.role {
            Role::Module | Role::Processor if is_beside => {
                if let Some(sha256) = member.sha256 {
                    sources.files.push((member.path.clone(), sha256));
                }
            }
            Role::Resource => sources.resources.push(member.path.clone()),
            _ => {}
        }
    }
    sources.files.sort();
    sources.files.dedup();
    sources
}

/// The native processors and those of the plan.
///
/// # Errors
/// The first that cannot be loaded.
pub(crate) async fn registry(
    native: &Arc<Registry>,
    host: &Arc<PythonHost>,
    to_load: Vec<ToLoad>,
) -> Result<Arc<Registry>, Failure> {
    if to_load.is_empty() {
        return Ok(Arc::clone(native));
    }
    let mut registry = (**native).clone();
    for ToLoad { name, sources } in to_load {
        let loaded = host.load(&name, sources).await;
        let loaded = loaded.map_err(|error| not_loaded(&error))?;
        registry.add(Arc::new(loaded));
    }
    Ok(Arc::new(registry))
}

/// Removes what the processors of a run left for one another.
pub(crate) async fn clear_after(workspace: &Path) {
    let place = workspace.to_owned();
    let cleared = blocking(move || {
        clear_scratch(&place).map_err(|error| Failure::from_error(FailureClass::Internal, &error))
    });
    if let Err(failure) = cleared.await {
        // The next run of the title tries again, and says so where it fails.
        tracing::warn!(
            workspace = %workspace.display(),
            "what processors left for one another is still there: {}",
            failure.said()
        );
    }
}

/// A class that cannot be loaded is the recipe's fault, whatever it failed with.
fn not_loaded(error: &StepError) -> Failure {
    let failure = Failure::of_plan(error);
    match failure.class {
        FailureClass::Package => Failure {
            class: FailureClass::Configuration,
            ..failure
        }
        .with_advice(
            "The processor needs what is not here (Python 3, its standard library and `autopkglib` are); add the module \
             (`sandbox.python-path`), or use native processors in its place.",
        ),
        _ => failure,
    }
}
