//! `Versioner`.

use proplist::Value;

use crate::{
    Call, Env, Input, Output, Outputs, StepContext, StepError,
    disk::DiskStep,
    glob::{Depth, glob},
    place::Place,
    variables,
};

/// Reads a version from a property list, also in an image or archive.
#[derive(Clone, Copy)]
pub(crate) struct Versioner;

impl DiskStep for Versioner {
    fn name(self) -> &'static str {
        "Versioner"
    }

    fn description(self) -> &'static str {
        "Reads a version from a property list; it may lie in a disk image or zip archive."
    }

    fn inputs(self) -> Vec<Input> {
        vec![
            Input::required("input_plist_path"),
            Input::defaulted("plist_version_key", "CFBundleShortVersionString"),
            Input::optional("skip_single_root_dir"),
        ]
    }

    fn outputs(self) -> Vec<Output> {
        vec![Output { name: "version" }]
    }

    fn work(
        self,
        _call: &Call,
        context: &StepContext,
        env: &mut Env,
    ) -> Result<Outputs, StepError> {
        let path = variables::text(env, "input_plist_path")?;
        let key = variables::text(env, "plist_version_key")?;
        let wanted = if variables::is_true(env, "skip_single_root_dir") {
            below_single_root(&path)?
        } else {
            path.clone()
        };
        // A name may hold brackets, so the path as it is comes first.
        let found = match Place::find(&wanted)? {
            Some(place) => Some(place),
            None => match glob(&wanted, Depth::Flat)?.first() {
                Some(first) => Place::find(first)?,
                None => None,
            },
        };
        let place = found
            .filter(Place::is_file)
            .ok_or_else(|| StepError::package(format!("File '{path}' was not found.")))?;
        let version = place
            .plist()?
            .get(&key)
            .filter(|version| version.is_truthy())
            .cloned()
            .unwrap_or_else(|| Value::from("UNKNOWN_VERSION"));
        context.messages.say(&format!(
            "Found version {} in file {}",
            proplist::str_form(&version),
            place.shown()
        ));
        env.insert("version".to_owned(), version);
        Ok(Outputs::Declared)
    }
}

/// The path with the archive's one root folder put in behind the archive.
fn below_single_root(path: &str) -> Result<String, StepError> {
    let lower = path.to_ascii_lowercase();
    let Some((archive, inside)) = lower
        .find(".zip/")
        .and_then(|at| path.split_at_checked(at + ".zip".len()))
    else {
        return Ok(path.to_owned());
    };
    let not_found = || StepError::package(format!("File '{path}' was not found."));
    let root = Place::enter(archive)?.ok_or_else(not_found)?;
    let mut folders = Vec::new();
    for name in root.names()? {
        // AppleDouble twins are not the archive's contents.
        if name != "__MACOSX" && root.join(&name)?.is_some_and(|place| place.is_folder()) {
            folders.push(name);
        }
    }
    match folders.as_slice() {
        [only] => Ok(format!("{archive}/{only}{inside}")),
        [] => Err(not_found()),
        _ => Err(StepError::package(format!(
            "Zip archive '{archive}' has more than one directory at root: {}",
            folders.join(", ")
        ))),
    }
}
