//! `MunkiInfoCreator`.

use std::path::Path;

use munki::{InstallerItem, Metadata, PkginfoError, PkginfoOptions, make_pkginfo};
use proplist::{KeyOrder, Value, to_xml};

use crate::{
    Call, Env, Input, Output, Outputs, StepContext, StepError, disk::DiskStep, output_file,
    variables,
};
use model::chain;

/// Makes a pkginfo, and writes it where that is asked for; nothing is imported.
#[derive(Clone, Copy)]
pub(crate) struct MunkiInfoCreator;

/// Variables that are options of `makepkginfo`.
const OPTIONS: [&str; 3] = ["displayname", "description", "catalog"];

impl DiskStep for MunkiInfoCreator {
    fn name(self) -> &'static str {
        "MunkiInfoCreator"
    }

    fn description(self) -> &'static str {
        "Makes the pkginfo of a package or disk image."
    }

    fn inputs(self) -> Vec<Input> {
        vec![
            Input::required("pkg_path"),
            Input::optional("version"),
            Input::optional("name"),
            Input::optional("info_path"),
        ]
    }

    fn outputs(self) -> Vec<Output> {
        vec![Output { name: "munki_info" }]
    }

    fn also_reads(self) -> &'static [&'static str] {
        &OPTIONS
    }

    fn work(
        self,
        _call: &Call,
        context: &StepContext,
        env: &mut Env,
    ) -> Result<Outputs, StepError> {
        let path = variables::text(env, "pkg_path")?;
        let failed = |error: PkginfoError| {
            let text = format!("creating pkginfo for {path} failed: {}", chain(&error));
            StepError::package(text).caused_by(error)
        };
        let mut words = Vec::new();
        for option in OPTIONS {
            if let Some(value) = env.get(option) {
                words.push(format!("--{option}={}", proplist::str_form(value)));
            }
        }
        let mut options = PkginfoOptions::parse(words).map_err(|error| failed(error.into()))?;
        for name in ["version", "name"] {
            if let Some(value) = env.get(name) {
                options.values.insert(name.to_owned(), value.clone());
            }
        }
        let item = InstallerItem::open(Path::new(&path)).map_err(failed)?;
        let metadata = Metadata::new("auto-update", context.clock.now());
        let made = make_pkginfo(Some(&item), &options, &metadata).map_err(failed)?;
        for warning in &made.warnings {
            context.messages.warn(warning);
        }
        let pkginfo = Value::Dict(made.pkginfo);
        if let Some(target) = variables::some_text(env, "info_path")? {
            write(&pkginfo, &target)?;
        }
        env.insert("munki_info".to_owned(), pkginfo);
        Ok(Outputs::Declared)
    }
}

fn write(pkginfo: &Value, target: &str) -> Result<(), StepError> {
    let failed = |why: &dyn std::fmt::Display| {
        StepError::package(format!("Could not write {target}: {why}"))
    };
    let text =
        to_xml(pkginfo, KeyOrder::Sorted).map_err(|error| failed(&error).caused_by(error))?;
    output_file::write(target, text).map_err(|error| failed(&error).caused_by(error))
}
