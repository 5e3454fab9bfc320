//! `PkgInfoCreator`.

use std::{fmt::Write as _, fs, path::Path};

use media::{HostTree, walk};
use proplist::{Dict, Value};

use crate::{
    Call, Env, Input, Outputs, StepContext, StepError, disk::DiskStep, output_file,
    packaging::find_relative, place::Place, variables,
};
use model::chain;

/// Makes the `PackageInfo` that a package is built with.
#[derive(Clone, Copy)]
pub(crate) struct PkgInfoCreator;

/// Attributes that a template may set, and the keys of the older form that mean them.
const SETTINGS: [(&str, &str); 3] = [
    ("install-location", "IFPkgFlagDefaultLocation"),
    ("identifier", "CFBundleIdentifier"),
    ("postinstall-action", "IFPkgFlagRestartAction"),
];

/// What the older form says of a restart, and what it is called now.
const ACTIONS: [(&str, &str); 5] = [
    ("None", "none"),
    ("RecommendRestart", "restart"),
    ("RequireLogout", "logout"),
    ("RequireRestart", "restart"),
    ("RequireShutdown", "shutdown"),
];

impl DiskStep for PkgInfoCreator {
    fn name(self) -> &'static str {
        "PkgInfoCreator"
    }

    fn description(self) -> &'static str {
        "Makes a PackageInfo of a template."
    }

    fn inputs(self) -> Vec<Input> {
        ["template_path", "version", "pkgroot", "infofile", "pkgtype"]
            .into_iter()
            .map(Input::required)
            .collect()
    }

    fn also_reads(self) -> &'static [&'static str] {
        &["RECIPE_DIR", "PARENT_RECIPES"]
    }

    fn work(
        self,
        _call: &Call,
        _context: &StepContext,
        env: &mut Env,
    ) -> Result<Outputs, StepError> {
        match variables::text(env, "pkgtype")?.as_str() {
            "flat" => {}
            "bundle" => {
                return Err(StepError::configuration(
                    "Bundle package creation no longer supported!",
                ));
            }
            other => {
                return Err(StepError::configuration(format!("Unknown pkgtype {other}")));
            }
        }
        let template = template(env)?;
        let settings = if Path::new(&template)
            .extension()
            .is_some_and(|end| end == "plist")
        {
            of_plist(&template)?
        } else {
            of_package_info(&template)?
        };
        let root = variables::text(env, "pkgroot")?;
        let info = text(
            &settings,
            &variables::text(env, "version")?,
            Path::new(&root),
        )?;
        let target = variables::text(env, "infofile")?;
        output_file::write(&target, info)
            .map_err(|error| StepError::package(format!("Can't write {target}: {error}")))?;
        Ok(Outputs::Declared)
    }
}

/// Where the template is. Unlike other steps, `AutoPkg`'s takes a relative path as it stands first.
fn template(env: &Env) -> Result<String, StepError> {
    let path = variables::text(env, "template_path")?;
    if Path::new(&path).exists() {
        return Ok(path);
    }
    find_relative(env, &path)
}

/// Attributes and their values.
type Settings = Vec<(&'static str, String)>;

/// What a template in the form of a bundle's `Info.plist` says.
fn of_plist(path: &str) -> Result<Settings, StepError> {
    let malformed = || StepError::configuration(format!("Malformed Info.plist template {path}"));
    let info: Dict = Place::expect(path, malformed)?
        .plist()
        .map_err(|_bad| malformed())?;
    let mut settings: Settings = Vec::new();
    for (attribute, key) in SETTINGS {
        let Some(value) = info.get(key).and_then(Value::as_str) else {
            continue;
        };
        let action = ACTIONS
            .iter()
            .find(|(old, _)| attribute == "postinstall-action" && *old == value);
        settings.push((attribute, action.map_or(value, |(_, new)| new).to_owned()));
    }
    if let Some(wanted) = info
        .get("IFPkgFlagAuthorizationAction")
        .and_then(Value::as_str)
    {
        let is_root = wanted == "RootAuthorization";
        settings.push(("auth", if is_root { "root" } else { "none" }.to_owned()));
    }
    Ok(settings)
}

/// What a template in the form of a `PackageInfo` says.
fn of_package_info(path: &str) -> Result<Settings, StepError> {
    let malformed = || StepError::configuration(format!("Malformed PackageInfo template {path}"));
    let text = fs::read_to_string(path).map_err(|_bad| malformed())?;
    wire::bounded_xml(&text).map_err(|_bad| malformed())?;
    let document = roxmltree::Document::parse(&text).map_err(|_bad| malformed())?;
    let root = document.root_element();
    if !root.has_tag_name("pkg-info") {
        return Err(StepError::configuration(
            "PackageInfo root should be pkg-info",
        ));
    }
    let names = SETTINGS.iter().map(|(attribute, _)| *attribute);
    let found = names.chain(["auth", "relocatable", "overwrite-permissions"]);
    Ok(found
        .filter_map(|name| Some((name, root.attribute(name)?.to_owned())))
        .collect())
}

/// The `PackageInfo`; sizes are counted in blocks of 4 KiB, as `AutoPkg` counts them.
fn text(settings: &Settings, version: &str, root: &Path) -> Result<String, StepError> {
    let failed = |error: media::MediaError| {
        StepError::package(format!(
            "{} cannot be read: {}",
            root.display(),
            chain(&error)
        ))
    };
    let entries = HostTree::new(root)
        .and_then(|tree| walk(&tree, ""))
        .map_err(failed)?;
    let blocks = entries
        .iter()
        .map(|entry| entry.len_bytes().unwrap_or(0).div_ceil(4096))
        .sum::<u64>();
    let mut info = "<pkg-info format-version=\"2\"".to_owned();
    let version = ("version", version.to_owned());
    for (name, value) in settings.iter().chain([&version]) {
        let value = value
            .replace('&', "&amp;")
            .replace('<', "&lt;")
            .replace('"', "&quot;");
        write!(info, " {name}=\"{value}\"")
            .map_err(|error| StepError::package(error.to_string()))?;
    }
    let count = entries.len().saturating_add(1);
    write!(
        info,
        ">\n    <payload installKBytes=\"{blocks}\" numberOfFiles=\"{count}\"/>\n</pkg-info>\n"
    )
    .map_err(|error| StepError::package(error.to_string()))?;
    Ok(info)
}
