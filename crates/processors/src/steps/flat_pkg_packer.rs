//! `FlatPkgPacker`.

use std::path::Path;

use crate::{Call, Env, Input, Outputs, StepContext, StepError, disk::DiskStep, variables};
use model::chain;

/// Makes a flat package of what `FlatPkgUnpacker` made of one.
#[derive(Clone, Copy)]
pub(crate) struct FlatPkgPacker;

impl DiskStep for FlatPkgPacker {
    fn name(self) -> &'static str {
        "FlatPkgPacker"
    }

    fn description(self) -> &'static str {
        "Packs a flat package that was unpacked; it has no signature any more."
    }

    fn inputs(self) -> Vec<Input> {
        vec![
            Input::required("source_flatpkg_dir"),
            Input::required("destination_pkg"),
        ]
    }

    fn work(
        self,
        _call: &Call,
        context: &StepContext,
        env: &mut Env,
    ) -> Result<Outputs, StepError> {
        let source = variables::text(env, "source_flatpkg_dir")?;
        let target = variables::text(env, "destination_pkg")?;
        media::write::flatten(Path::new(&source), Path::new(&target)).map_err(|error| {
            StepError::package(format!("{} flattening {source}", chain(&error)))
        })?;
        context
            .messages
            .say(&format!("Flattened {source} to {target}"));
        Ok(Outputs::Declared)
    }
}
