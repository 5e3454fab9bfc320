//! `PkgPayloadUnpacker`.

use std::{fs, path::Path};

use crate::{
    Call, Env, Input, Outputs, StepContext, StepError, disk::DiskStep, place::Place,
    removal::empty, variables,
};

/// Unpacks a package's payload.
#[derive(Clone, Copy)]
pub(crate) struct PkgPayloadUnpacker;

impl DiskStep for PkgPayloadUnpacker {
    fn name(self) -> &'static str {
        "PkgPayloadUnpacker"
    }

    fn description(self) -> &'static str {
        "Unpacks the payload of a package."
    }

    fn inputs(self) -> Vec<Input> {
        vec![
            Input::required("pkg_payload_path"),
            Input::required("destination_path"),
            Input::optional("purge_destination"),
        ]
    }

    fn work(
        self,
        _call: &Call,
        context: &StepContext,
        env: &mut Env,
    ) -> Result<Outputs, StepError> {
        let payload = variables::text(env, "pkg_payload_path")?;
        let shown = variables::text(env, "destination_path")?;
        let destination = Path::new(&shown);
        let failed = |why: &dyn std::fmt::Display| {
            StepError::package(format!("extraction of {payload} failed: {why}"))
        };
        if !destination.is_dir() {
            fs::create_dir_all(destination)
                .map_err(|error| StepError::package(format!("Can't create {shown}: {error}")))?;
            context.messages.say(&format!("Created {shown}"));
        } else if variables::is_true(env, "purge_destination") {
            empty(destination).map_err(|error| failed(&error))?;
        }
        let contents =
            Place::enter(&payload)?.ok_or_else(|| failed(&"there is no such payload"))?;
        contents
            .extract(destination)
            .map_err(|error| failed(&error.message))?;
        context
            .messages
            .say(&format!("Unpacked {payload} to {shown}"));
        Ok(Outputs::Declared)
    }
}
