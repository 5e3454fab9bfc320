//! Looks over a whole plan before its first step.

use std::{borrow::Cow, collections::HashSet};

use fetch::Pin;
use proplist::Value;

use crate::{Call, Env, Processor, Registry, StepError, variables};

/// Looks over a whole plan before its first step; answers a warning for each argument that nothing reads, which
/// `AutoPkg` passes over, and which therefore must not stop a recipe that works there.
///
/// `env` is the environment before the first step: preferences, input, engine variables.
///
/// # Errors
/// The first unknown processor, or required variable that nothing sets.
///
/// # Source
/// `autopkglib/__init__.py`: `AutoPackager.verify`; the check of arguments is ours.
pub fn verify(registry: &Registry, calls: &[Call], env: &Env) -> Result<Vec<String>, StepError> {
    let mut warnings = Vec::new();
    let mut known: HashSet<Cow<'_, str>> = env.keys().map(Cow::from).collect();
    for (index, call) in calls.iter().enumerate() {
        let processor = registry.find(call)?;
        known.extend(call.arguments.keys().map(Cow::from));
        for input in processor.inputs() {
            if input.required && !known.contains(&input.name) {
                return Err(StepError::configuration(format!(
                    "{} requires missing argument {}",
                    call.processor, input.name
                )));
            }
        }
        known.extend(processor.output_names());
        let later = calls.get(index + 1..).unwrap_or_default();
        warnings.extend(unread(registry, processor, call, later));
    }
    Ok(warnings)
}

/// A warning for each argument of `call` that is not declared, no comment, and read by nothing after it.
fn unread(
    registry: &Registry,
    processor: &dyn Processor,
    call: &Call,
    later: &[Call],
) -> Vec<String> {
    let mut warnings = Vec::new();
    let inputs = processor.inputs();
    for (index, name) in call.arguments.keys().enumerate() {
        let declared = inputs.iter().any(|input| input.name == *name);
        let comment = name.to_ascii_lowercase().contains("comment");
        let read_here = || {
            call.arguments
                .values()
                .skip(index + 1)
                .any(|value| mentions(value, name))
        };
        if declared || comment || processor.takes_any_argument() || read_here() {
            continue;
        }
        if !later.iter().any(|later| reads(registry, later, name)) {
            warnings.push(format!(
                "{} does not know the argument '{name}' in {}, and no later step reads it",
                call.processor, call.origin
            ));
        }
    }
    warnings
}

/// Whether `call` may read the variable `name`. An unknown processor reads anything; it is an error of its own.
fn reads(registry: &Registry, call: &Call, name: &str) -> bool {
    let Some(processor) = registry.get(&call.processor) else {
        return true;
    };
    processor.inputs().iter().any(|input| input.name == name)
        || processor.also_reads().contains(&name)
        || call.arguments.values().any(|value| mentions(value, name))
        || predicate_mentions(call, name)
}

fn mentions(value: &Value, name: &str) -> bool {
    match value {
        Value::String(text) => variables::references(text).any(|reference| reference == name),
        Value::Array(values) => values.iter().any(|value| mentions(value, name)),
        Value::Dict(dict) => dict.values().any(|value| mentions(value, name)),
        _ => false,
    }
}

/// A predicate reads variables by their bare names.
fn predicate_mentions(call: &Call, name: &str) -> bool {
    let Some(Value::String(predicate)) = call.arguments.get("predicate") else {
        return false;
    };
    predicate
        .split(|letter: char| !letter.is_alphanumeric() && letter != '_')
        .any(|word| word == name)
}

/// What the plan pins, so that another file than the meant one would be noticed: a signature, if a
/// `CodeSignatureVerifier` has something to compare with.
pub fn pinned(calls: &[Call], env: &Env) -> Option<Pin> {
    let verifies = |call: &&Call| call.processor == "CodeSignatureVerifier";
    let given = |call: &Call, name: &str| {
        call.arguments
            .get(name)
            .or_else(|| env.get(name))
            .is_some_and(Value::is_truthy)
    };
    calls
        .iter()
        .filter(verifies)
        .any(|call| {
            !given(call, "DISABLE_CODE_SIGNATURE_VERIFICATION")
                && [
                    "requirement",
                    "requirements",
                    "expected_authority_names",
                    "expected_authorities",
                ]
                .iter()
                .any(|name| given(call, name))
        })
        .then_some(Pin::Signature)
}
