//! `AppPkgCreator`.

use std::{fs, os::unix::fs::PermissionsExt as _, path::Path};

use media::write::Owner;

use super::copier::first_match;
use crate::{
    Call, Env, Input, Output, Outputs, StepContext, StepError, bundles, disk::DiskStep,
    glob::Depth, packaging::Request, place::Place, removal::remove, variables,
};

const SUMMARY: &str = "app_pkg_creator_summary_result";

/// Builds a package that installs an application.
#[derive(Clone, Copy)]
pub(crate) struct AppPkgCreator;

impl DiskStep for AppPkgCreator {
    fn name(self) -> &'static str {
        "AppPkgCreator"
    }

    fn description(self) -> &'static str {
        "Builds a flat package that installs an application; it may lie in a disk image. It is not signed."
    }

    fn inputs(self) -> Vec<Input> {
        vec![
            Input::optional("app_path"),
            Input::optional("pkg_path"),
            Input::optional("bundleid"),
            Input::optional("version"),
            Input::defaulted("version_key", "CFBundleShortVersionString"),
            Input::defaulted("force_pkg_build", false),
        ]
    }

    fn outputs(self) -> Vec<Output> {
        ["new_package_request", "version", SUMMARY]
            .iter()
            .map(|name| Output { name })
            .collect()
    }

    fn also_reads(self) -> &'static [&'static str] {
        &["pathname"]
    }

    fn work(
        self,
        _call: &Call,
        context: &StepContext,
        env: &mut Env,
    ) -> Result<Outputs, StepError> {
        env.shift_remove(SUMMARY);
        let pattern = match variables::some_text(env, "app_path")? {
            Some(path) => path,
            None => match variables::some_text(env, "pathname")? {
                Some(path) => format!("{path}/*.app"),
                None => {
                    return Err(StepError::configuration(
                        "No app_path or pathname specified.",
                    ));
                }
            },
        };
        let found = first_match(context, &pattern, Depth::Flat)?;
        let missing = || StepError::package(format!("there is no application at {found}"));
        let app = Place::expect(&found, missing)?;
        describe(context, env, &app)?;
        let root = context.workspace.join("payload");
        let request = request(env, context, &app, &root)?;
        fill(&root, &app, context)?;
        let built = request.fulfil(context, env);
        remove(&root).map_err(|error| cannot("remove", &root, &error))?;
        if built? {
            env.insert(SUMMARY.to_owned(), request.summary());
        }
        Ok(Outputs::Declared)
    }
}

/// Sets version and identifier to what the application says, where nothing has set them before.
fn describe(context: &StepContext, env: &mut Env, app: &Place) -> Result<(), StepError> {
    let path = format!("{}/Contents/Info.plist", app.shown());
    let unreadable = || StepError::package(format!("Can't read {path}"));
    let info = bundles::info_plist(app)?.ok_or_else(unreadable)?.plist()?;
    let key = variables::text(env, "version_key")?;
    for (variable, key, shown) in [
        ("version", key.as_str(), "Version"),
        ("bundleid", "CFBundleIdentifier", "BundleID"),
    ] {
        if variables::is_true(env, variable) {
            continue;
        }
        let value = info.get(key).cloned().ok_or_else(|| {
            StepError::package(format!(
                "The key '{key}' does not exist in the App Bundle's Info.plist! ({path}) Please check the recipe and \
                 try again."
            ))
        })?;
        context
            .messages
            .say(&format!("{shown}: {}", proplist::str_form(&value)));
        env.insert(variable.to_owned(), value);
    }
    Ok(())
}

fn request(
    env: &Env,
    context: &StepContext,
    app: &Place,
    root: &Path,
) -> Result<Request, StepError> {
    let text = |name| env.get(name).map(proplist::str_form).unwrap_or_default();
    let version = text("version");
    let app_name = app.name().strip_suffix(".app").unwrap_or(app.name());
    let usual = context
        .workspace
        .join(format!("{app_name}-{version}.pkg"))
        .to_string_lossy()
        .into_owned();
    let path = variables::some_text(env, "pkg_path")?.unwrap_or(usual);
    let (folder, name) = path.rsplit_once('/').unwrap_or((".", &path));
    let name = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
    Ok(Request {
        root: root.to_string_lossy().into_owned(),
        folder: folder.to_owned(),
        name: name.to_owned(),
        identifier: text("bundleid"),
        version,
        info: String::new(),
        scripts: String::new(),
        owners: vec![Owner {
            path: "Applications".to_owned(),
            uid: 0,
            gid: 80, // admin
            mode: None,
        }],
    })
}

/// Makes the folder that the package is built from.
fn fill(root: &Path, app: &Place, context: &StepContext) -> Result<(), StepError> {
    if root.symlink_metadata().is_ok() {
        remove(root).map_err(|error| cannot("remove", root, &error))?;
    }
    let applications = root.join("Applications");
    fs::create_dir_all(&applications)
        .and_then(|()| fs::set_permissions(&applications, fs::Permissions::from_mode(0o775)))
        .map_err(|error| cannot("create", root, &error))?;
    let target = applications.join(app.name());
    app.extract(&target)?;
    context
        .messages
        .say(&format!("Copied {} to {}", app.shown(), target.display()));
    Ok(())
}

fn cannot(what: &str, path: &Path, error: &std::io::Error) -> StepError {
    StepError::package(format!("Can't {what} {}: {error}", path.display()))
}
