//! `new-recipe`: a file to begin a recipe with.

use anyhow::bail;
use proplist::{Dict, Value};
use recipe::Format;

use crate::{
    cli::{make_override::OverrideFormat, new_recipe::NewRecipe},
    exit::ExitStatus,
    printer::Printer,
};

/// Does what was asked. Unlike `AutoPkg`, writes over nothing.
pub(crate) fn run(arguments: &NewRecipe, printer: Printer) -> anyhow::Result<ExitStatus> {
    let path = &arguments.path;
    if path.exists() {
        bail!("`{}` is there already", path.display());
    }
    let format = match arguments.format {
        Some(OverrideFormat::Yaml) => Format::Yaml,
        Some(OverrideFormat::Plist) => Format::Plist,
        None => Format::of_path(path),
    };
    let bytes = recipe::to_bytes(&template(arguments, format), format, path)?;
    fs_err::write(path, bytes)?;
    printer.data(format!("Saved new recipe to {}", path.display()))?;
    Ok(ExitStatus::Done)
}

fn template(arguments: &NewRecipe, format: Format) -> Dict {
    let file = arguments.path.file_name().unwrap_or_default();
    let file = file.to_string_lossy();
    let name = file.split('.').next().unwrap_or_default();
    let identifier = match &arguments.identifier {
        Some(identifier) => identifier.clone(),
        None => format!("local.{name}"),
    };
    // Before 2.3, AutoPkg knew no YAML.
    let minimum_version = match format {
        Format::Yaml => "2.3",
        Format::Plist => "1.0",
    };
    let step = dict([
        (
            "Arguments",
            dict([
                ("Argument1", "Value1".into()),
                ("Argument2", "Value2".into()),
            ])
            .into(),
        ),
        ("Processor", "ProcessorName".into()),
    ]);
    let mut keys = dict([
        ("Description", "Recipe description".into()),
        ("Identifier", identifier.into()),
        ("Input", dict([("NAME", name.into())]).into()),
        ("MinimumVersion", minimum_version.into()),
        ("Process", Value::Array(vec![step.into()])),
    ]);
    if let Some(parent) = &arguments.parent_identifier {
        keys.insert("ParentRecipe".to_owned(), parent.as_str().into());
    }
    keys
}

fn dict<const N: usize>(pairs: [(&str, Value); N]) -> Dict {
    pairs
        .into_iter()
        .map(|(key, value)| (key.to_owned(), value))
        .collect()
}
