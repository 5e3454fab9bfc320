//! `PlistEditor`.

use proplist::{Dict, KeyOrder, Value, to_xml};

use crate::{
    Call, Env, Input, Outputs, StepContext, StepError, disk::DiskStep, output_file, place::Place,
    variables,
};

/// Merges keys into a property list.
#[derive(Clone, Copy)]
pub(crate) struct PlistEditor;

impl DiskStep for PlistEditor {
    fn name(self) -> &'static str {
        "PlistEditor"
    }

    fn description(self) -> &'static str {
        "Merges keys into a property list and writes it."
    }

    fn inputs(self) -> Vec<Input> {
        vec![
            Input::optional("input_plist_path"),
            Input::required("output_plist_path"),
            Input::required("plist_data"),
        ]
    }

    fn work(
        self,
        _call: &Call,
        context: &StepContext,
        env: &mut Env,
    ) -> Result<Outputs, StepError> {
        let mut plist = match variables::some_text(env, "input_plist_path")? {
            Some(path) => read(&path)?,
            None => Dict::new(),
        };
        plist.extend(variables::dict(env, "plist_data")?);
        let output = variables::text(env, "output_plist_path")?;
        let failed = |error: &dyn std::fmt::Display| {
            StepError::package(format!("Could not write {output}: {error}"))
        };
        let text = to_xml(&Value::Dict(plist), KeyOrder::Sorted).map_err(|error| failed(&error))?;
        output_file::write(&output, text).map_err(|error| failed(&error))?;
        context.messages.say(&format!("Updated plist at {output}"));
        Ok(Outputs::Declared)
    }
}

fn read(path: &str) -> Result<Dict, StepError> {
    let failed = |why: &str| StepError::package(format!("Could not read {path}: {why}"));
    let place = Place::expect(path, || failed("there is no such file"))?;
    place.plist().map_err(|error| failed(&error.message))
}
