//! Packages that recipes ask for: what is asked, checked as `AutoPkg`'s server checks it, and built.

use std::{fs, io::Read as _, os::unix::fs::PermissionsExt as _, path::Path};

use media::write::{Owner, Package, flat_pkg};
use proplist::{Dict, Value};

use crate::{
    Env, StepContext, StepError,
    removal::remove,
    steps::{octal, summary},
    variables,
};
use model::chain;

/// Users of macOS that files of packages belong to, by name.
const USERS: [(&str, u32); 6] = [
    ("_lp", 26),
    ("_mysql", 74),
    ("_postfix", 27),
    ("_www", 70),
    ("daemon", 1),
    ("root", 0),
];

/// Groups of macOS that files of packages belong to, by name.
const GROUPS: [(&str, u32); 14] = [
    ("_appserveradm", 81),
    ("_appserverusr", 79),
    ("_appstore", 33),
    ("_lp", 26),
    ("_mysql", 74),
    ("_postfix", 27),
    ("_www", 70),
    ("admin", 80),
    ("daemon", 1),
    ("everyone", 12),
    ("operator", 5),
    ("staff", 20),
    ("sys", 3),
    ("wheel", 0),
];

/// Longest `PackageInfo` that is read.
const LONGEST_INFO: u64 = 1 << 20;

/// A package that a recipe asks for.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) root: String,
    pub(crate) folder: String,
    pub(crate) name: String,
    pub(crate) identifier: String,
    pub(crate) version: String,
    /// A `PackageInfo` whose settings are taken over; empty for none.
    pub(crate) info: String,
    /// The folder of the scripts; empty for none.
    pub(crate) scripts: String,
    pub(crate) owners: Vec<Owner>,
}

impl Request {
    /// Where the package will be.
    pub(crate) fn path(&self) -> String {
        format!("{}/{}.pkg", self.folder.trim_end_matches('/'), self.name)
    }

    /// States that the request is one that `AutoPkg` would carry out.
    ///
    /// # Errors
    /// If it is not, in the words that `AutoPkg` has for it.
    pub(crate) fn check(&self) -> Result<(), StepError> {
        let refused = |why: String| Err(StepError::configuration(why));
        let name = self.name.as_str();
        let parts: Vec<&str> = self.identifier.split('.').collect();
        if name.chars().count() > 80 {
            return refused("Package name too long".to_owned());
        }
        if !is_name(name) {
            return refused("Invalid package name".to_owned());
        }
        if name.to_ascii_lowercase().ends_with(".pkg") {
            return refused("Package name mustn't include '.pkg'".to_owned());
        }
        if self.identifier.chars().count() > 80 {
            return refused("Package id too long".to_owned());
        }
        if parts.len() < 2 || !parts.into_iter().all(is_identifier_part) {
            return refused("Invalid package id".to_owned());
        }
        if self.version.chars().count() > 40 {
            return refused("Version too long".to_owned());
        }
        if let Some(part) = self.version.split('.').find(|part| !is_version_part(part)) {
            return refused(format!("Invalid version component \"{part}\""));
        }
        self.check_scripts()
    }

    fn check_scripts(&self) -> Result<(), StepError> {
        if self.scripts.is_empty() {
            return Ok(());
        }
        let folder = Path::new(&self.scripts);
        if !folder.is_dir() {
            let text = format!("Can't find scripts directory: {}", self.scripts);
            return Err(StepError::configuration(text));
        }
        for script in ["preinstall", "postinstall"] {
            let metadata = fs::metadata(folder.join(script));
            if metadata.is_ok_and(|metadata| metadata.permissions().mode() & 0o111 == 0) {
                return Err(StepError::configuration(format!(
                    "{script} script found in {} but it is not executable!",
                    self.scripts
                )));
            }
        }
        Ok(())
    }

    /// Builds the package, unless one of that identifier and version is there; the answer is whether it was built.
    ///
    /// # Errors
    /// If it cannot be built, or what is in its place cannot be removed.
    pub(crate) fn fulfil(&self, context: &StepContext, env: &mut Env) -> Result<bool, StepError> {
        let path = self.path();
        let is_forced = variables::is_true(env, "force_pkg_build");
        if Path::new(&path).exists() && !is_forced {
            let say = |text: &str| context.messages.say(text);
            say(&format!("Package already exists at path {path}."));
            let same = (Some(self.identifier.clone()), Some(self.version.clone()));
            if existing(Path::new(&path)) == Some(same) {
                say("Existing package matches version and identifier, not building.");
                env.insert("pkg_path".to_owned(), path.into());
                env.insert("new_package_request".to_owned(), false.into());
                return Ok(false);
            }
        }
        self.check()?;
        let failed = |why: String| StepError::package(format!("cannot build {path}: {why}"));
        if Path::new(&path).symlink_metadata().is_ok() {
            remove(Path::new(&path)).map_err(|error| failed(error.to_string()))?;
        }
        let info = Info::read(&self.info)?;
        let package = Package {
            identifier: &self.identifier,
            version: &self.version,
            install_location: &info.install_location,
            postinstall_action: &info.postinstall_action,
            scripts: (!self.scripts.is_empty()).then(|| Path::new(&self.scripts)),
            owners: &self.owners,
        };
        flat_pkg(Path::new(&self.root), &package, Path::new(&path))
            .map_err(|error| failed(chain(&error)))?;
        context.messages.say(&format!("Created package at {path}"));
        env.insert("pkg_path".to_owned(), path.into());
        env.insert("new_package_request".to_owned(), true.into());
        Ok(true)
    }

    /// What a step reports of it.
    pub(crate) fn summary(&self) -> Value {
        summary(
            "The following packages were built:",
            &[
                ("identifier", &self.identifier),
                ("version", &self.version),
                ("pkg_path", &self.path()),
            ],
        )
    }
}

/// What a package is given besides its contents.
#[derive(Clone, Debug, Eq, PartialEq)]
struct Info {
    install_location: String,
    postinstall_action: String,
}

impl Info {
    /// What the `PackageInfo` at `path` says; without one, the usual.
    fn read(path: &str) -> Result<Self, StepError> {
        let mut info = Self {
            install_location: "/".to_owned(),
            postinstall_action: "none".to_owned(),
        };
        if path.is_empty() {
            return Ok(info);
        }
        let failed = |error: &dyn std::fmt::Display| {
            StepError::configuration(format!("Can't open infofile: {error}"))
        };
        let text = fs::read_to_string(path).map_err(|error| failed(&error))?;
        wire::bounded_xml(&text).map_err(|error| failed(&error))?;
        let document = roxmltree::Document::parse(&text).map_err(|error| failed(&error))?;
        let root = document.root_element();
        for (attribute, setting) in [
            ("install-location", &mut info.install_location),
            ("postinstall-action", &mut info.postinstall_action),
        ] {
            if let Some(value) = root.attribute(attribute) {
                value.clone_into(setting);
            }
        }
        Ok(info)
    }
}

/// Identifier and version of the flat package at `path`; nothing if it is none that has them.
fn existing(path: &Path) -> Option<(Option<String>, Option<String>)> {
    let tree = media::open(path).ok()?;
    let mut text = String::new();
    let reader = tree.open("PackageInfo").ok()?;
    reader.take(LONGEST_INFO).read_to_string(&mut text).ok()?;
    wire::bounded_xml(&text).ok()?;
    let document = roxmltree::Document::parse(&text).ok()?;
    let attribute = |name| document.root_element().attribute(name).map(str::to_owned);
    Some((attribute("identifier"), attribute("version")))
}

/// The entries of `chown`: each names a path below `root`, a user, a group, and perhaps a mode.
///
/// # Errors
/// If one is not of that form, or its path is not there, or leads through a link.
pub(crate) fn owners(root: &str, list: &[Value]) -> Result<Vec<Owner>, StepError> {
    let mut owners = Vec::new();
    for entry in list {
        let entry = entry
            .as_dict()
            .ok_or_else(|| StepError::configuration("an entry of `chown` is no dictionary"))?;
        let path = needed(entry, "path")?.as_str().unwrap_or_default();
        let path = path.trim_start_matches('/').trim_end_matches('/');
        check_path(root, path)?;
        owners.push(Owner {
            path: path.to_owned(),
            uid: number(needed(entry, "user")?, "user", &USERS)?,
            gid: number(needed(entry, "group")?, "group", &GROUPS)?,
            mode: entry.get("mode").map(mode).transpose()?,
        });
    }
    Ok(owners)
}

fn needed<'a>(entry: &'a Dict, key: &str) -> Result<&'a Value, StepError> {
    entry
        .get(key)
        .ok_or_else(|| StepError::configuration(format!("an entry of `chown` has no `{key}`")))
}

fn check_path(root: &str, path: &str) -> Result<(), StepError> {
    let refused = |why: String| Err(StepError::configuration(why));
    if path.is_empty() {
        return refused("Empty chown path".to_owned());
    }
    let mut checked = Path::new(root).to_owned();
    for part in path.split('/') {
        if matches!(part, "." | "..") {
            return refused(". and .. is not allowed in chown path".to_owned());
        }
        checked.push(part);
        let Ok(metadata) = checked.symlink_metadata() else {
            return refused(format!("chown path {path} does not exist"));
        };
        if metadata.is_symlink() {
            return refused(format!("chown path {path} is a soft link"));
        }
    }
    Ok(())
}

/// The number of a user or group of macOS, whether by name or by number.
fn number(value: &Value, what: &str, known: &[(&str, u32)]) -> Result<u32, StepError> {
    let unknown = || {
        let shown = proplist::str_form(value);
        StepError::configuration(format!("Unknown chown {what} {shown}"))
            .with_next_step("Give its number; only the usual names of macOS are known here.")
    };
    match value {
        Value::String(name) => {
            let found = known.iter().find(|(known, _)| known == name);
            found.map(|(_, number)| *number).ok_or_else(unknown)
        }
        // A payload has room for six octal digits.
        Value::Integer(number) => u32::try_from(*number)
            .ok()
            .filter(|number| *number < 1 << 18)
            .ok_or_else(unknown),
        _ => Err(unknown()),
    }
}

fn mode(value: &Value) -> Result<u32, StepError> {
    let text = proplist::str_form(value);
    octal(&text)
        .ok_or_else(|| StepError::configuration(format!("`{text}` is not a mode in octal digits")))
}

/// Letters and digits, then also blanks, dots, underscores and dashes.
fn is_name(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_alphanumeric())
        && name
            .chars()
            .all(|letter| letter.is_ascii_alphanumeric() || " ._-".contains(letter))
}

/// Letters and digits, and inside also blanks and dashes.
fn is_identifier_part(part: &str) -> bool {
    let is_end = |letter: char| letter.is_ascii_alphanumeric();
    part.starts_with(is_end)
        && part.ends_with(is_end)
        && part
            .chars()
            .all(|letter| is_end(letter) || " -".contains(letter))
}

/// With a digit, before which there is no dash; else letters, blanks, underscores and dashes.
fn is_version_part(part: &str) -> bool {
    let Some(digit) = part.find(|letter: char| letter.is_ascii_digit()) else {
        return false;
    };
    part.char_indices().all(|(at, letter)| {
        letter.is_ascii_alphanumeric() || " _".contains(letter) || letter == '-' && at > digit
    })
}

/// What a relative path of a recipe leads to: in the workspace, beside the recipe, or beside one of its parents.
///
/// # Errors
/// If there is nothing.
pub(crate) fn find_relative(env: &Env, path: &str) -> Result<String, StepError> {
    if path.is_empty() || path.starts_with('/') {
        return Ok(path.to_owned());
    }
    let text = |name| env.get(name).and_then(Value::as_str).map(str::to_owned);
    let parents = env.get("PARENT_RECIPES").and_then(Value::as_array);
    let parents = parents.unwrap_or_default().iter().filter_map(Value::as_str);
    let beside = |recipe: &str| Path::new(recipe).parent().map(Path::to_path_buf);
    let folders = [text("RECIPE_CACHE_DIR"), text("RECIPE_DIR")];
    let folders = folders.into_iter().flatten().map(Into::into);
    folders
        .chain(parents.filter_map(beside))
        .map(|folder| folder.join(path))
        .find(|found| found.exists())
        .map(|found| found.to_string_lossy().into_owned())
        .ok_or_else(|| StepError::configuration(format!("Can't find {path}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_identifiers_and_versions_are_those_that_autopkg_takes() {
        for (name, expected) in [
            ("Widget-1.2 b", true),
            ("-x", false),
            ("a/b", false),
            ("", false),
        ] {
            assert_eq!(is_name(name), expected, "{name}");
        }
        for (part, expected) in [
            ("com", true),
            ("a b-c", true),
            ("-a", false),
            ("a_b", false),
            ("", false),
        ] {
            assert_eq!(is_identifier_part(part), expected, "{part}");
        }
        for (part, expected) in [
            ("10", true),
            ("b 1-2", true),
            ("-1", false),
            ("beta", false),
            ("1+2", false),
        ] {
            assert_eq!(is_version_part(part), expected, "{part}");
        }
    }

    #[test]
    fn settings_that_are_nested_too_deeply_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("PackageInfo");
        let path = path.to_str().unwrap();
        fs::write(path, "<pkg-info auth=\"root\" install-location=\"/x\"/>").unwrap();
        assert_eq!(Info::read(path).unwrap().install_location, "/x");
        fs::write(path, "<pkg-info>".repeat(300)).unwrap();
        let error = Info::read(path).unwrap_err();
        assert!(error.message.contains("256 levels"), "{error}");
    }
}
