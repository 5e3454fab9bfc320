//! Carries one step out as `AutoPkg`'s engine does.

use std::borrow::Cow;

use proplist::{Dict, Value};

use crate::{Call, Env, Outputs, Processor, Registry, StepContext, StepError, proving, variables};

/// What a step read and set: its entry in a receipt.
#[derive(Clone, Debug, PartialEq)]
pub struct StepRecord {
    /// The processor as the recipe names it.
    pub processor: String,
    /// The declared inputs that were there before defaults were put in.
    pub input: Dict,
    /// The outputs that are true in Python's sense.
    pub output: Dict,
    /// Whether the recipe is to end here, successfully.
    pub stops_recipe: bool,
}

impl StepRecord {
    /// The entry as receipts have it: `Processor`, `Input`, `Output`, without nulls.
    pub fn to_receipt(&self) -> Value {
        let entry: Dict = [
            ("Processor".to_owned(), self.processor.clone().into()),
            ("Input".to_owned(), without_nulls(&self.input)),
            ("Output".to_owned(), without_nulls(&self.output)),
        ]
        .into_iter()
        .collect();
        entry.into()
    }

    /// The summaries that the step reports: name and `{summary_text, report_fields?, data}`.
    pub fn summaries(&self) -> impl Iterator<Item = (&str, &Dict)> {
        summaries(&self.output)
    }
}

/// The summaries in the output of a step, as in [`StepRecord::summaries`].
pub fn summaries(output: &Dict) -> impl Iterator<Item = (&str, &Dict)> {
    output
        .iter()
        .filter(|(name, _)| name.ends_with("_summary_result"))
        .filter_map(|(name, value)| value.as_dict().map(|dict| (name.as_str(), dict)))
}

/// A receipt has empty text where Python has `None`.
fn without_nulls(dict: &Dict) -> Value {
    fn plain(value: &Value) -> Value {
        match value {
            Value::Array(values) => Value::Array(values.iter().map(plain).collect()),
            Value::Dict(dict) => without_nulls(dict),
            Value::Null => Value::String(String::new()),
            other => other.clone(),
        }
    }
    let plain: Dict = dict
        .iter()
        .map(|(name, value)| (name.clone(), plain(value)))
        .collect();
    plain.into()
}

/// Carries `call` out: puts its substituted arguments and the processor's defaults into `env`, runs it, and records
/// what it read and set. What it downloads is held against what vendors gave beside it, before anything else is done
/// with it.
///
/// # Cancellation
/// As [`Processor::run`]; `env` may have the step's arguments already. The step is also dropped, and fails, when
/// [`StepContext::cancelled`] is.
///
/// # Errors
/// If the processor is unknown, lacks a required variable, or fails.
///
/// # Source
/// `autopkglib/__init__.py`: `AutoPackager.process`, `Processor.process`, `inject`.
pub async fn execute_step(
    registry: &Registry,
    context: &StepContext,
    call: &Call,
    env: &mut Env,
) -> Result<StepRecord, StepError> {
    let processor = registry.find(call)?;
    inject(&call.arguments, context, env);
    let input = present_inputs(processor, env);
    context.messages.reads(&input);
    apply_defaults(processor, env)?;
    let downloaded_before = context.downloads.count();
    let work = async {
        let outputs = processor.run(call, context, env).await?;
        let downloads = context.downloads.after(downloaded_before);
        proving::check(context, env, &downloads).await?;
        Ok(outputs)
    };
    let outputs = tokio::select! {
        outputs = work => outputs?,
        () = context.cancelled.cancelled() => return Err(StepError::cancelled(processor.name())),
    };
    Ok(StepRecord {
        processor: call.processor.clone(),
        input,
        output: true_outputs(processor, &outputs, env),
        stops_recipe: variables::is_true(env, "stop_processing_recipe"),
    })
}

/// Each argument sees the ones above it.
fn inject(arguments: &Dict, context: &StepContext, env: &mut Env) {
    for (name, value) in arguments {
        let (value, undefined) = variables::substitute(value, env);
        if let Some(undefined) = undefined {
            context.messages.say(&format!(
                "Use of undefined key in variable substitution: '{undefined}'"
            ));
        }
        env.insert(name.clone(), value);
    }
}

fn present_inputs(processor: &dyn Processor, env: &Env) -> Dict {
    processor
        .inputs()
        .iter()
        .filter_map(|input| {
            env.get(&*input.name)
                .map(|value| (input.name.clone().into_owned(), value.clone()))
        })
        .collect()
}

fn apply_defaults(processor: &dyn Processor, env: &mut Env) -> Result<(), StepError> {
    for input in processor.inputs() {
        if env.contains_key(&*input.name) {
            continue;
        }
        match input.default {
            Some(default) => {
                env.insert(input.name.into_owned(), default);
            }
            None if input.required => {
                return Err(StepError::configuration(format!(
                    "{} requires {}",
                    processor.name(),
                    input.name
                )));
            }
            None => {}
        }
    }
    Ok(())
}

fn true_outputs(processor: &dyn Processor, outputs: &Outputs, env: &Env) -> Dict {
    let names: Vec<String> = match outputs {
        Outputs::Declared => {
            let names = processor.output_names().into_iter();
            names.map(Cow::into_owned).collect()
        }
        Outputs::Named(names) => names.clone(),
    };
    names
        .into_iter()
        .filter_map(|name| env.get(&name).map(|value| (name.clone(), value.clone())))
        .filter(|(_, value)| value.is_truthy())
        .collect()
}
