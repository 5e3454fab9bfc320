//! Which processors there are.

use std::{collections::BTreeMap, sync::Arc};

use model::FailureClass;

use crate::{Call, Processor, StepError, steps};

/// Which processors there are, by name.
#[derive(Clone, Default)]
pub struct Registry(BTreeMap<String, Arc<dyn Processor>>);

impl std::fmt::Debug for Registry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

impl Registry {
    /// All native processors.
    pub fn native() -> Self {
        let mut registry = Self::default();
        for processor in steps::all() {
            registry.add(processor);
        }
        registry
    }

    /// Adds a processor, in place of one of the same name.
    pub fn add(&mut self, processor: Arc<dyn Processor>) {
        self.0.insert(processor.name().to_owned(), processor);
    }

    /// The processor of that name.
    pub fn get(&self, name: &str) -> Option<&dyn Processor> {
        self.0.get(name).map(AsRef::as_ref)
    }

    /// Every name, sorted.
    pub fn names(&self) -> impl Iterator<Item = &str> + '_ {
        self.0.keys().map(String::as_str)
    }

    /// The processor that `call` names.
    ///
    /// # Errors
    /// A [`FailureClass::Configuration`] that names the processor and the recipe.
    pub fn find(&self, call: &Call) -> Result<&dyn Processor, StepError> {
        self.get(&call.processor)
            .ok_or_else(|| unknown(&call.processor, &call.origin))
    }
}

fn unknown(name: &str, origin: &str) -> StepError {
    let error = StepError::new(
        FailureClass::Configuration,
        format!("Unknown processor '{name}' in {origin}."),
    );
    error.with_next_step(if name.contains('/') {
        "Add the repository that has the processor with `auto-update repo-add`, or use native processors in its place."
    } else {
        "Correct the name, or use native processors in its place; `auto-update list-processors` lists them."
    })
}
