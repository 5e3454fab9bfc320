//! `MunkiImporter`.

use std::path::Path;

use chrono::NaiveDateTime;
use model::{FailureClass, chain};
use munki::{
    InstallerItem, ItemBytes, Metadata, PkginfoError, PkginfoOptions, SameItem, is_ordered_alike,
    make_pkginfo, same_item, same_release,
};
use proplist::{Dict, Value};
use publication::Kind;

use super::{munki_installs_items_creator::set_comparison_key, summary};
use crate::{
    Call, Env, Input, Output, Outputs, StepContext, StepError, disk::DiskStep, shelf::Shelf,
    variables,
};

/// Makes a pkginfo, and stages it with its installer item and icon.
#[derive(Clone, Copy)]
pub(crate) struct MunkiImporter;

const SUMMARY: &str = "munki_importer_summary_result";

impl DiskStep for MunkiImporter {
    fn name(self) -> &'static str {
        "MunkiImporter"
    }

    fn description(self) -> &'static str {
        "Makes a pkginfo, and stages it with the package for the Munki repository."
    }

    fn inputs(self) -> Vec<Input> {
        vec![
            Input::required("pkg_path"),
            Input::optional("MUNKI_REPO"),
            Input::defaulted("MUNKI_REPO_PLUGIN", "FileRepo"),
            Input::optional("MUNKILIB_DIR"),
            Input::optional("force_munki_repo_lib"),
            Input::optional("munkiimport_pkgname"),
            Input::optional("munkiimport_appname"),
            Input::optional("version_comparison_key"),
            Input::optional("repo_subdirectory"),
            Input::optional("pkginfo"),
            Input::optional("extract_icon"),
            Input::optional("force_munkiimport"),
            Input::optional("additional_makepkginfo_options"),
            Input::optional("uninstaller_pkg_path"),
            Input::defaulted("MUNKI_PKGINFO_FILE_EXTENSION", "plist"),
            Input::optional("metadata_additions"),
        ]
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
        settle_plugin(context, env)?;
        let pkg_path = variables::text(env, "pkg_path")?;
        let item =
            InstallerItem::open(Path::new(&pkg_path)).map_err(|error| failed(&pkg_path, error))?;
        let pkginfo = make(&item, &pkg_path, context, env)?;
        let subdirectory = variables::some_text(env, "repo_subdirectory")?;
        let target = Shelf::new(&context.staging, subdirectory.as_deref());
        let rules = Rules::chosen(env)?;
        if !variables::is_true(env, "force_munkiimport")
            && let Some(same) = rules.find(&target.items()?, &pkginfo, context)
        {
            let location = same.location().unwrap_or_default();
            note_same(&target, location, &pkg_path, context, env);
        } else {
            stage(&target, &item, pkginfo, context, env)?;
        }
        Ok(Outputs::Declared)
    }
}

/// By which rules something is in the repository already.
#[derive(Clone, Copy)]
enum Rules {
    Importer,
    Release,
}

/// A variable of ours, by which they are chosen.
const RULES: &str = "MUNKI_SAME_ITEM_RULES";

impl Rules {
    fn chosen(env: &Env) -> Result<Self, StepError> {
        match variables::some_text(env, RULES)?.as_deref() {
            None | Some("" | "importer") => Ok(Self::Importer),
            Some("release") => Ok(Self::Release),
            Some(other) => Err(StepError::configuration(format!(
                "`{RULES}` is {other}, and there are `importer` and `release`"
            ))
            .with_next_step("Correct the variable in the override or in the preferences.")),
        }
    }

    fn find<'a>(
        self,
        items: &'a [Dict],
        pkginfo: &Dict,
        context: &StepContext,
    ) -> Option<SameItem<'a>> {
        let same = match self {
            Self::Importer => return same_item(items, pkginfo),
            Self::Release => same_release(items, pkginfo)?,
        };
        let digest = |pkginfo: &Dict| pkginfo.get("installer_item_hash").cloned();
        if digest(same.pkginfo) != digest(pkginfo) {
            context.messages.warn(
                "The item has other bytes than the one of the same release that is in the repository, and is passed over.",
            );
        }
        Some(same)
    }
}

/// Plug-ins of Munki by which repositories in object stores are reached.
const STORES: [&str; 4] = ["azurerepo", "gcsrepo", "s3filerepo", "s3repo"];

/// The repository is where the configuration says. A plug-in that an override or a preference names is not run: where it
/// only says where the repository is, the configured one takes its place; where it does more, nobody would do that.
fn settle_plugin(context: &StepContext, env: &Env) -> Result<(), StepError> {
    let plugin = variables::some_text(env, "MUNKI_REPO_PLUGIN")?;
    match plugin.as_deref() {
        None | Some("" | "FileRepo") => Ok(()),
        Some("GitFileRepo") => {
            context.messages.warn(
                "`MUNKI_REPO_PLUGIN` is GitFileRepo: the item goes into the configured repository, and nothing is \
                 committed to git.",
            );
            Ok(())
        }
        Some(store) if STORES.contains(&store.to_ascii_lowercase().as_str()) => {
            context.messages.warn(&format!(
                "`MUNKI_REPO_PLUGIN` is {store}: the item goes into the repository that the configuration of this \
                 program names."
            ));
            Ok(())
        }
        Some(other) => Err(StepError::configuration(format!(
            "`MUNKI_REPO_PLUGIN` is {other}, and plug-ins of Munki are not run"
        ))
        .with_next_step(
            "Remove the preference; this program's configuration says where the repository is.",
        )),
    }
}

fn failed(pkg_path: &str, error: PkginfoError) -> StepError {
    let class = match error {
        PkginfoError::Options(_) => FailureClass::Configuration,
        _ => FailureClass::Import,
    };
    let text = format!("creating pkginfo for {pkg_path} failed: {}", chain(&error));
    StepError::new(class, text).caused_by(error)
}

/// The pkginfo as the item and the recipe say.
fn make(
    item: &InstallerItem,
    pkg_path: &str,
    context: &StepContext,
    env: &Env,
) -> Result<Dict, StepError> {
    let options = options(pkg_path, env)?;
    let metadata = Metadata::new("auto-update", context.clock.now());
    let made =
        make_pkginfo(Some(item), &options, &metadata).map_err(|error| failed(pkg_path, error))?;
    for warning in &made.warnings {
        context.messages.warn(warning);
    }
    let mut pkginfo = made.pkginfo;
    for (key, value) in variables::dict(env, "pkginfo")? {
        let value = dated(&key, value);
        pkginfo.insert(key, value);
    }
    if let Some(Value::Dict(metadata)) = pkginfo.get_mut("_metadata") {
        metadata.extend(variables::dict(env, "metadata_additions")?);
    }
    if let (Some(key), Some(Value::Array(installs))) = (
        variables::some_text(env, "version_comparison_key")?,
        pkginfo.get_mut("installs"),
    ) {
        for item in installs.iter_mut().filter_map(Value::as_dict_mut) {
            set_comparison_key(item, &key)?;
        }
    }
    Ok(pkginfo)
}

/// The options of `makepkginfo`, with those that arguments stand for.
fn options(pkg_path: &str, env: &Env) -> Result<PkginfoOptions, StepError> {
    let mut words = vec![];
    for (option, name) in [
        ("--pkgname", "munkiimport_pkgname"),
        ("--appname", "munkiimport_appname"),
        ("--uninstallerpkg", "uninstaller_pkg_path"),
    ] {
        if let Some(value) = variables::some_text(env, name)? {
            words.extend([option.to_owned(), value]);
        }
    }
    words.extend(variables::texts(env, "additional_makepkginfo_options")?);
    let mut options = PkginfoOptions::parse(words)
        .map_err(|error| failed(pkg_path, PkginfoError::Options(error)))?;
    // What has no version of its own may get one from the recipe.
    if let Some(version) = variables::dict(env, "pkginfo")?.shift_remove("version") {
        options
            .values
            .entry("version".to_owned())
            .or_insert(version);
    }
    Ok(options)
}

/// A date that a recipe in YAML, or a variable, can only write as text.
fn dated(key: &str, value: Value) -> Value {
    let date = match &value {
        Value::String(text) if key == "force_install_after_date" => {
            NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%SZ").ok()
        }
        _ => None,
    };
    date.map_or(value, |date| Value::Date(date.and_utc()))
}

/// Says that there is nothing to do.
fn note_same(
    shelf: &Shelf<'_>,
    location: &str,
    pkg_path: &str,
    context: &StepContext,
    env: &mut Env,
) {
    let path = shelf.path(Kind::Pkgs, location);
    env.insert("pkginfo_repo_path".to_owned(), "".into());
    env.insert("pkg_repo_path".to_owned(), path.into());
    env.insert("munki_info".to_owned(), Dict::new().into());
    env.insert("munki_repo_changed".to_owned(), false.into());
    let name = pkg_path.rsplit('/').next().unwrap_or_default();
    context.messages.say(&format!(
        "Item {name} already exists in the munki repo as pkgs/{location}."
    ));
}

/// Stages package, uninstaller, icon and pkginfo.
fn stage(
    shelf: &Shelf<'_>,
    item: &InstallerItem,
    mut pkginfo: Dict,
    context: &StepContext,
    env: &mut Env,
) -> Result<(), StepError> {
    let name = text(&pkginfo, "name")?;
    let version = text(&pkginfo, "version")?;
    warn_of_version(&version, context);
    let package = put_package(shelf, item, &version)?;
    pkginfo.insert(
        "installer_item_location".to_owned(),
        package.as_str().into(),
    );
    if let Some(path) = variables::some_text(env, "uninstaller_pkg_path")? {
        let bytes = ItemBytes::of(Path::new(&path)).map_err(|error| failed(&path, error))?;
        let location = shelf.put_package(Path::new(&path), &version, bytes.sha256)?;
        pkginfo.insert("uninstaller_item_location".to_owned(), location.into());
        pkginfo.insert("uninstallable".to_owned(), true.into());
    }
    let icon = if variables::is_true(env, "extract_icon") {
        put_icon(shelf, item, &pkginfo, &name, context)?
    } else {
        None
    };
    let extension = variables::some_text(env, "MUNKI_PKGINFO_FILE_EXTENSION")?.unwrap_or_default();
    let stem = format!("{name}-{}", version.trim());
    let location = shelf.put_pkginfo(&pkginfo, &stem, &extension)?;
    let staged = Staged {
        package,
        pkginfo: location,
        icon,
    };
    tell(shelf, &staged, pkginfo, context, env);
    Ok(())
}

/// Where the parts of a new item go, each relative to the folder of its kind.
struct Staged {
    package: String,
    pkginfo: String,
    icon: Option<String>,
}

/// Says what was staged, to people and to later steps.
fn tell(shelf: &Shelf<'_>, staged: &Staged, pkginfo: Dict, context: &StepContext, env: &mut Env) {
    let icon = staged.icon.as_deref().unwrap_or_default();
    let shown = |key: &str| pkginfo.get(key).map(proplist::str_form).unwrap_or_default();
    let row = [
        ("name", shown("name")),
        ("version", shown("version")),
        ("catalogs", catalogs(&pkginfo)),
        ("pkginfo_path", staged.pkginfo.clone()),
        ("pkg_repo_path", staged.package.clone()),
        ("icon_repo_path", icon.to_owned()),
    ];
    let row = row.each_ref().map(|(name, value)| (*name, value.as_str()));
    let text = "The following new items were imported into Munki:";
    env.insert(SUMMARY.to_owned(), summary(text, &row));
    let package = shelf.path(Kind::Pkgs, &staged.package);
    let path = shelf.path(Kind::Pkgsinfo, &staged.pkginfo);
    context.messages.say(&format!("Copied pkginfo to: {path}"));
    context
        .messages
        .say(&format!("           pkg to: {package}"));
    let icon = staged
        .icon
        .as_ref()
        .map(|icon| shelf.path(Kind::Icons, icon));
    if let Some(icon) = &icon {
        context.messages.say(&format!("          icon to: {icon}"));
    }
    env.insert("icon_repo_path".to_owned(), icon.unwrap_or_default().into());
    env.insert("pkginfo_repo_path".to_owned(), path.into());
    env.insert("pkg_repo_path".to_owned(), package.as_str().into());
    // A later import of the same package takes it from there.
    env.insert("pkg_path".to_owned(), package.into());
    env.insert("munki_info".to_owned(), pkginfo.into());
    env.insert("munki_repo_changed".to_owned(), true.into());
}

fn text(pkginfo: &Dict, key: &str) -> Result<String, StepError> {
    match pkginfo.get(key) {
        Some(Value::String(text)) if !text.trim().is_empty() => Ok(text.clone()),
        Some(other) => Err(StepError::configuration(format!(
            "`{key}` in the pkginfo must be text, and is {}: {}",
            other.python_type(),
            proplist::repr(other)
        ))),
        None => Err(StepError::configuration(format!(
            "the pkginfo has no `{key}`"
        ))),
    }
}

fn catalogs(pkginfo: &Dict) -> String {
    match pkginfo.get("catalogs") {
        Some(Value::Array(names)) => {
            let names: Vec<String> = names.iter().map(proplist::str_form).collect();
            names.join(",")
        }
        Some(other) => proplist::str_form(other),
        None => String::new(),
    }
}

/// Clients of Munki 6 and of Munki 7 may not agree on which version is the newer one.
fn warn_of_version(version: &str, context: &StepContext) {
    if !is_ordered_alike(version) {
        context.messages.warn(&format!(
            "The version `{version}` is one that Munki 6 and Munki 7 do not order alike."
        ));
    }
}

fn put_package(
    shelf: &Shelf<'_>,
    item: &InstallerItem,
    version: &str,
) -> Result<String, StepError> {
    let Some(bytes) = item.bytes else {
        let text = format!(
            "{} is a folder, and clients can only be handed files",
            item.path.display()
        );
        return Err(StepError::new(FailureClass::Import, text)
            .with_next_step("Have the recipe put the package into a disk image first."));
    };
    shelf.put_package(&item.path, version, bytes.sha256)
}

/// Stages the application's icon, unless the repository has one for the item; answers where it is.
fn put_icon(
    shelf: &Shelf<'_>,
    item: &InstallerItem,
    pkginfo: &Dict,
    name: &str,
    context: &StepContext,
) -> Result<Option<String>, StepError> {
    let named = pkginfo.get("icon_name").and_then(Value::as_str);
    let named = named.filter(|named| !named.is_empty()).unwrap_or(name);
    let location = if has_picture_extension(named) {
        named.to_owned()
    } else {
        format!("{named}.png")
    };
    if shelf.is_taken(Kind::Icons, &location)? {
        return Ok(Some(location));
    }
    if !location.to_ascii_lowercase().ends_with(".png") {
        context.messages.warn(&format!(
            "No icon was extracted: `{location}` cannot be written, only PNG can."
        ));
        return Ok(None);
    }
    match munki::icon_of(item, pkginfo) {
        Ok(Some(icon)) => {
            shelf.put_icon(&location, &icon)?;
            Ok(Some(location))
        }
        Ok(None) => {
            context.messages.warn("No icon was found to extract.");
            Ok(None)
        }
        // An item without icon can be installed all the same.
        Err(error) => {
            context
                .messages
                .warn(&format!("No icon was extracted: {}", chain(&error)));
            Ok(None)
        }
    }
}

/// Whether the name ends as Munki expects of pictures; else `.png` is added by clients.
fn has_picture_extension(name: &str) -> bool {
    const KNOWN: [&str; 11] = [
        "bmp", "gif", "icns", "jpg", "jpeg", "png", "psd", "tga", "tif", "tiff", "yuv",
    ];
    let extension = name
        .rsplit_once('.')
        .map(|(_, extension)| extension.to_ascii_lowercase());
    extension.is_some_and(|extension| KNOWN.contains(&extension.as_str()))
}
