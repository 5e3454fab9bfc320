//! `processor-info`: what a processor reads and sets.

use processors::{Input, Processor, Registry};
use recipe::is_core_processor;
use serde_json::{Value, json};

use crate::{cli::processor_info::ProcessorInfo, exit::ExitStatus, house::House, printer::Printer};

/// Does what was asked.
pub(crate) fn run(
    arguments: &ProcessorInfo,
    house: &House,
    printer: Printer,
) -> anyhow::Result<ExitStatus> {
    let name = &arguments.processor;
    let native = Registry::native();
    let Some(processor) = native.get(name) else {
        printer.complaint(format!("Unknown processor '{name}'"));
        hint(arguments, house, printer)?;
        return Ok(ExitStatus::Failed);
    };
    if arguments.json {
        printer.data(as_json(processor))?;
        return Ok(ExitStatus::Done);
    }
    printer.data(format!("Description: {}", processor.description()))?;
    printer.data("Input variables:")?;
    for input in processor.inputs() {
        printer.data(format!("   {}:", input.name))?;
        let required = proplist::str_form(&input.required.into());
        printer.data(format!("     required: {required}"))?;
        if let Some(default) = &input.default {
            printer.data(format!("     default: {}", proplist::str_form(default)))?;
        }
    }
    printer.data("Output variables:")?;
    for output in processor.outputs() {
        printer.data(format!("   {}:", output.name))?;
    }
    Ok(ExitStatus::Done)
}

/// Why a name that means something to `AutoPkg` means nothing here.
fn hint(arguments: &ProcessorInfo, house: &House, printer: Printer) -> anyhow::Result<()> {
    let name = &arguments.processor;
    if is_core_processor(name) {
        printer.hint("AutoPkg has it, this program has not; `docs/limits.md` says why");
        return Ok(());
    }
    let Some(recipe) = &arguments.recipe else {
        return Ok(());
    };
    let folders = &arguments.folders;
    let library = house.library(&folders.search_dirs, &folders.override_dirs)?;
    let recipe = library.resolve(recipe)?;
    if let Some(path) = library.processor_path(&recipe, name) {
        printer.hint(format!(
            "it is a program of the recipe's author, which says itself what it reads and sets: `{}`",
            path.display()
        ));
    }
    Ok(())
}

fn as_json(processor: &dyn Processor) -> Value {
    let input = |input: Input| {
        json!({
            "name": input.name,
            "required": input.required,
            "default": input.default.as_ref().map(Value::from),
        })
    };
    let outputs: Vec<&str> = processor
        .outputs()
        .iter()
        .map(|output| output.name)
        .collect();
    json!({
        "schema": 1,
        "name": processor.name(),
        "description": processor.description(),
        "inputs": processor.inputs().into_iter().map(input).collect::<Vec<_>>(),
        "outputs": outputs,
    })
}
