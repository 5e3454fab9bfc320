//! `MunkiImporter`.

use std::path::{Path, PathBuf};

use chrono::{DateTime, NaiveDateTime, Utc};
use model::FailureClass;
use proplist::{Dict, Value, str_form};
use publication::{Kind, RepositoryError};

use super::summary;
use crate::{
    Call, Env, Input, Output, Outputs, StepContext, StepError,
    disk::DiskStep,
    munki_import::{find_match, free_location, item_location, pkginfo_location},
    pkginfo::{self, describe_item},
    place::{Place, describe},
    variables,
};

const SUMMARY: &str = "munki_importer_summary_result";

/// Describes an item for Munki and stages it, unless the repository has it already.
///
/// Nothing is written to the repository: what is staged goes there when the whole run has passed its gates.
#[derive(Clone, Copy)]
pub(crate) struct MunkiImporter;

impl DiskStep for MunkiImporter {
    fn name(self) -> &'static str {
        "MunkiImporter"
    }

    fn description(self) -> &'static str {
        "Describes an installer item for Munki and stages it for the repository."
    }

    fn inputs(self) -> Vec<Input> {
        let mut inputs = vec![
            Input::required("MUNKI_REPO"),
            Input::required("pkg_path"),
            Input::defaulted("MUNKI_REPO_PLUGIN", "FileRepo"),
            Input::defaulted("MUNKILIB_DIR", "/usr/local/munki"),
            Input::defaulted("force_munki_repo_lib", false),
            Input::defaulted("MUNKI_PKGINFO_FILE_EXTENSION", "plist"),
        ];
        inputs.extend(
            [
                "munkiimport_pkgname",
                "munkiimport_appname",
                "repo_subdirectory",
                "pkginfo",
                "extract_icon",
                "force_munkiimport",
                "additional_makepkginfo_options",
                "version_comparison_key",
                "uninstaller_pkg_path",
                "metadata_additions",
            ]
            .map(Input::optional),
        );
        inputs
    }

    fn outputs(self) -> Vec<Output> {
        [
            "pkginfo_repo_path",
            "pkg_repo_path",
            "icon_repo_path",
            "munki_info",
            "munki_repo_changed",
            SUMMARY,
        ]
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
        env.shift_remove(SUMMARY);
        let item = host_path(context, &variables::text(env, "pkg_path")?)?;
        let pkginfo = pkginfo(context, env, &item)?;
        if !variables::is_true(env, "force_munkiimport")
            && let Some(location) = known_location(context, &pkginfo)?
        {
            report_known(context, env, &item, &location);
            return Ok(Outputs::Declared);
        }
        stage(context, env, &item, pkginfo)?;
        Ok(Outputs::Declared)
    }
}

/// The item as a file of the host; one that lies in an image is copied out of it.
fn host_path(context: &StepContext, path: &str) -> Result<PathBuf, StepError> {
    let host = Path::new(path);
    if host.exists() {
        return Ok(host.to_owned());
    }
    let missing = || import_failed(format!("creating pkginfo for {path} failed: it does not exist"));
    let place = Place::expect(path, missing)?;
    let copy = context.workspace.join(place.name());
    place.extract(&copy)?;
    Ok(copy)
}

/// What Munki is to know of the item: what the item says, over it what the recipe says.
fn pkginfo(context: &StepContext, env: &Env, item: &Path) -> Result<Dict, StepError> {
    let mut pkginfo = describe_item(context, env, item)?;
    for (key, value) in variables::dict(env, "pkginfo")? {
        let value = if key == "force_install_after_date" {
            dated(&value)
        } else {
            value
        };
        pkginfo.insert(key, value);
    }
    let additions = variables::dict(env, "metadata_additions")?;
    if !additions.is_empty() {
        let metadata = pkginfo
            .entry("_metadata".to_owned())
            .or_insert_with(|| Value::Dict(Dict::new()));
        if let Some(metadata) = metadata.as_dict_mut() {
            metadata.extend(additions);
        }
    }
    if let Some(key) = variables::some_text(env, "version_comparison_key")? {
        pkginfo::compare_by(&mut pkginfo, &key)?;
    }
    Ok(pkginfo)
}

/// Munki takes only dates for dates; a recipe writes `2026-11-24T12:00:00Z`.
fn dated(value: &Value) -> Value {
    value
        .as_str()
        .and_then(|text| NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%SZ").ok())
        .map_or_else(
            || value.clone(),
            |date| Value::Date(DateTime::<Utc>::from_naive_utc_and_offset(date, Utc)),
        )
}

/// Where the repository has the item already.
fn known_location(context: &StepContext, pkginfo: &Dict) -> Result<Option<String>, StepError> {
    let catalog = match context.staging.repository().get(Kind::Catalogs, "all") {
        Ok(bytes) => proplist::from_bytes(&bytes).map_err(|error| {
            import_failed(format!("the catalog `all` cannot be read: {error}")).caused_by(error)
        })?,
        // A repository without catalogs is empty.
        Err(RepositoryError::NotFound { .. }) => return Ok(None),
        Err(error) => return Err(repository_failed(error)),
    };
    let items = catalog.as_array().unwrap_or_default();
    Ok(find_match(pkginfo, items).map(|item| {
        item.get("installer_item_location")
            .map(str_form)
            .unwrap_or_default()
    }))
}

fn report_known(context: &StepContext, env: &mut Env, item: &Path, location: &str) {
    let name = item.file_name().unwrap_or_default().to_string_lossy();
    context.messages.say(&format!(
        "Item {name} already exists in the munki repo as pkgs/{location}."
    ));
    let path = repository_path(context, env, location);
    env.insert("pkg_repo_path".to_owned(), path.into());
    env.insert("pkginfo_repo_path".to_owned(), "".into());
    env.insert("munki_info".to_owned(), Dict::new().into());
    env.insert("munki_repo_changed".to_owned(), false.into());
}

fn repository_path(context: &StepContext, env: &Env, location: &str) -> String {
    let repository = context.staging.repository();
    repository.path_for(Kind::Pkgs, location).map_or_else(
        || {
            let root = env.get("MUNKI_REPO").map(str_form).unwrap_or_default();
            format!("{}/pkgs/{location}", root.trim_end_matches('/'))
        },
        |path| path.to_string_lossy().into_owned(),
    )
}

/// Stages item, uninstaller and pkginfo, and sets the outputs.
fn stage(
    context: &StepContext,
    env: &mut Env,
    item: &Path,
    mut pkginfo: Dict,
) -> Result<(), StepError> {
    let folder = variables::some_text(env, "repo_subdirectory")?.unwrap_or_default();
    let name = required(&pkginfo, "name")?;
    let version = required(&pkginfo, "version")?;
    let (location, waits) = stage_item(context, &folder, item, &version)?;
    pkginfo.insert("installer_item_location".to_owned(), location.as_str().into());
    if let Some(path) = variables::some_text(env, "uninstaller_pkg_path")? {
        let uninstaller = host_path(context, &path)?;
        let (location, _) = stage_item(context, &folder, &uninstaller, &version)?;
        pkginfo.insert("uninstaller_item_location".to_owned(), location.into());
        pkginfo.insert("uninstallable".to_owned(), true.into());
    }
    let icon = stage_icon(context, env, item, &mut pkginfo)?;
    let extension = variables::text(env, "MUNKI_PKGINFO_FILE_EXTENSION")?;
    let wanted = pkginfo_location(&folder, &name, &version, &extension);
    let taken = context
        .staging
        .list(Kind::Pkgsinfo)
        .map_err(repository_failed)?;
    let pkginfo_location = free_location(&wanted, &taken);
    let pkginfo_waits = context
        .staging
        .stage_pkginfo(&pkginfo_location, &pkginfo)
        .map_err(repository_failed)?;
    context.messages.say(&format!(
        "Staged pkgs/{location} and pkgsinfo/{pkginfo_location} for the munki repo"
    ));
    let catalogs: Vec<String> = pkginfo
        .get("catalogs")
        .and_then(Value::as_array)
        .unwrap_or_default()
        .iter()
        .map(str_form)
        .collect();
    let row = summary(
        "The following new items were imported into Munki:",
        &[
            ("name", &name),
            ("version", &version),
            ("catalogs", &catalogs.join(",")),
            ("pkginfo_path", &pkginfo_location),
            ("pkg_repo_path", &location),
            ("icon_repo_path", &icon),
        ],
    );
    let shown = |path: &Path| Value::from(path.to_string_lossy().into_owned());
    env.insert("pkginfo_repo_path".to_owned(), shown(&pkginfo_waits));
    env.insert("pkg_repo_path".to_owned(), shown(&waits));
    env.insert("pkg_path".to_owned(), shown(&waits));
    env.insert("icon_repo_path".to_owned(), icon.into());
    env.insert("munki_info".to_owned(), pkginfo.into());
    env.insert("munki_repo_changed".to_owned(), true.into());
    env.insert(SUMMARY.to_owned(), row);
    Ok(())
}

fn stage_item(
    context: &StepContext,
    folder: &str,
    item: &Path,
    version: &str,
) -> Result<(String, PathBuf), StepError> {
    let name = item.file_name().unwrap_or_default().to_string_lossy();
    let wanted = item_location(folder, &name, version);
    let taken = context
        .staging
        .list(Kind::Pkgs)
        .map_err(repository_failed)?;
    let location = free_location(&wanted, &taken);
    let waits = context
        .staging
        .stage_file(Kind::Pkgs, &location, item)
        .map_err(repository_failed)?;
    Ok((location, waits))
}

fn required(pkginfo: &Dict, key: &str) -> Result<String, StepError> {
    pkginfo
        .get(key)
        .map(str_form)
        .filter(|text| !text.is_empty())
        .ok_or_else(|| import_failed(format!("the pkginfo has no '{key}'")))
}

fn import_failed(text: impl Into<String>) -> StepError {
    StepError::new(FailureClass::Import, text)
}

fn repository_failed(error: RepositoryError) -> StepError {
    import_failed(format!(
        "the Munki repository cannot be used: {}",
        describe(&error)
    ))
    .caused_by(error)
}
