//! `PlistReader`.

use proplist::{Dict, Value, repr};

use crate::{
    Call, Env, Input, Output, Outputs, StepContext, StepError, bundles, disk::DiskStep,
    place::Place, variables,
};

const VARIABLES: &str = "plist_reader_output_variables";

/// Reads keys of a property list into variables.
#[derive(Clone, Copy)]
pub(crate) struct PlistReader;

impl DiskStep for PlistReader {
    fn name(self) -> &'static str {
        "PlistReader"
    }

    fn description(self) -> &'static str {
        "Reads keys of a bundle's Info.plist, or of another property list, into variables."
    }

    fn inputs(self) -> Vec<Input> {
        let keys: Dict = [("CFBundleShortVersionString".to_owned(), "version".into())]
            .into_iter()
            .collect();
        vec![
            Input::required("info_path"),
            Input::defaulted("plist_keys", keys),
        ]
    }

    fn outputs(self) -> Vec<Output> {
        vec![Output { name: VARIABLES }]
    }

    fn work(
        self,
        _call: &Call,
        context: &StepContext,
        env: &mut Env,
    ) -> Result<Outputs, StepError> {
        let path = variables::text(env, "info_path")?;
        let place = Place::expect(&path, || {
            StepError::package(format!("Path '{path}' doesn't exist!"))
        })?;
        let file = plist_file(&place)?;
        context.messages.say(&format!("Reading: {}", file.shown()));
        let plist = file.plist().map_err(|error| {
            let bundle =
                "looks like a bundle, but its 'Contents/Info.plist' file cannot be parsed.";
            let text = if place.shown() == file.shown() {
                error.message.clone()
            } else {
                format!("File {} {bundle}", place.shown())
            };
            StepError::package(text).caused_by(error)
        })?;
        let mut found = Dict::new();
        for (key, name) in variables::dict(env, "plist_keys")? {
            let name = proplist::str_form(&name);
            let value = plist.get(&key).cloned().ok_or_else(|| {
                StepError::package(format!(
                    "Key '{key}' could not be found in the plist {}!",
                    file.shown()
                ))
            })?;
            context.messages.say(&format!(
                "Assigning value of {} to output variable '{name}'",
                repr(&value)
            ));
            found.insert(name, value);
        }
        for (name, value) in &found {
            env.insert(name.clone(), value.clone());
        }
        env.insert(VARIABLES.to_owned(), Value::Dict(found));
        Ok(Outputs::Declared)
    }
}

/// Whether the name is one of a property list; as in `AutoPkg`, only in lower case.
fn is_plist(name: &str) -> bool {
    name.rsplit_once('.').is_some_and(|(_, end)| end == "plist")
}

/// A bundle's `Info.plist`, the file itself, or the `Info.plist` of the first bundle in the folder.
fn plist_file(place: &Place) -> Result<Place, StepError> {
    if let Some(info) = bundles::info_plist(place)? {
        return Ok(info);
    }
    let folder = if place.is_folder() {
        place.clone()
    } else if is_plist(place.name()) {
        return Ok(place.clone());
    } else {
        // An image or archive is as good as the folder that it would be mounted or unpacked to.
        match Place::enter(place.shown()) {
            Ok(Some(contents)) => contents,
            Ok(None) | Err(_) => return Ok(place.clone()),
        }
    };
    for name in folder.names()? {
        // A link to `/Applications` in a vendor's image leads nowhere here, and is no bundle on a Mac either.
        if let Some(inside) = folder.join(&name)?
            && let Some(info) = bundles::info_plist(&inside)?
        {
            return Ok(info);
        }
    }
    Err(StepError::package(format!(
        "No bundle found in {}",
        if place.shown().contains(".dmg") {
            "dmg"
        } else {
            place.shown()
        }
    )))
}
