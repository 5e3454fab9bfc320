//! `AppDmgVersioner`.

use proplist::Value;

use crate::{
    Call, Env, Input, Output, Outputs, StepContext, StepError, bundles, disk::DiskStep,
    place::Place, variables,
};

/// Reads version and identifier of the application at the root of an image.
#[derive(Clone, Copy)]
pub(crate) struct AppDmgVersioner;

impl DiskStep for AppDmgVersioner {
    fn name(self) -> &'static str {
        "AppDmgVersioner"
    }

    fn description(self) -> &'static str {
        "Reads name, identifier and version of the application in a disk image."
    }

    fn inputs(self) -> Vec<Input> {
        vec![Input::required("dmg_path")]
    }

    fn outputs(self) -> Vec<Output> {
        ["app_name", "bundleid", "version"]
            .iter()
            .map(|name| Output { name })
            .collect()
    }

    fn work(
        self,
        _call: &Call,
        context: &StepContext,
        env: &mut Env,
    ) -> Result<Outputs, StepError> {
        let image = variables::text(env, "dmg_path")?;
        let missing = || StepError::package(format!("File '{image}' was not found."));
        Place::expect(&image, missing)?;
        let app =
            bundles::first_app(&image)?.ok_or_else(|| StepError::package("No app found in dmg"))?;
        let unreadable =
            || StepError::package(format!("Can't read {}/Contents/Info.plist", app.name()));
        let info = bundles::info_plist(&app)?.ok_or_else(unreadable)?.plist()?;
        let value = |key: &str| -> Result<Value, StepError> {
            info.get(key)
                .cloned()
                .ok_or_else(|| StepError::package(format!("'{key}' is missing in {}", app.name())))
        };
        let identifier = value("CFBundleIdentifier")?;
        let version = value("CFBundleShortVersionString")?;
        context
            .messages
            .say(&format!("BundleID: {}", proplist::str_form(&identifier)));
        context
            .messages
            .say(&format!("Version: {}", proplist::str_form(&version)));
        env.insert("app_name".to_owned(), app.name().into());
        env.insert("bundleid".to_owned(), identifier);
        env.insert("version".to_owned(), version);
        Ok(Outputs::Declared)
    }
}
