//! `MunkiSetDefaultCatalog`.

use std::path::Path;

use proplist::Value;

use crate::{Call, Env, Input, Output, Outputs, StepContext, StepError, disk::DiskStep, variables};

/// Sets the catalog that munkiimport's preferences name as the default one.
#[derive(Clone, Copy)]
pub(crate) struct MunkiSetDefaultCatalog;

/// Where Munki's tools keep their preferences on any system but macOS, relative to the home folder.
const PREFERENCES: &str = "Library/Preferences/com.googlecode.munki.munkiimport.plist";

impl DiskStep for MunkiSetDefaultCatalog {
    fn name(self) -> &'static str {
        "MunkiSetDefaultCatalog"
    }

    fn description(self) -> &'static str {
        "Sets the catalog of the pkginfo to the default one of munkiimport's preferences."
    }

    fn inputs(self) -> Vec<Input> {
        vec![Input::optional("pkginfo")]
    }

    fn outputs(self) -> Vec<Output> {
        vec![Output { name: "pkginfo" }]
    }

    fn is_brief(self) -> bool {
        true
    }

    fn work(
        self,
        _call: &Call,
        context: &StepContext,
        env: &mut Env,
    ) -> Result<Outputs, StepError> {
        let mut pkginfo = variables::dict(env, "pkginfo")?;
        let home = std::env::home_dir();
        let catalog = home.map(|home| default_catalog(&home)).transpose()?;
        let text = match catalog.flatten() {
            Some(catalog) => {
                pkginfo.insert("catalogs".to_owned(), vec![catalog.as_str()].into());
                format!("Updated target catalogs into pkginfo with {catalog}")
            }
            None => "No default catalogs found, nothing changed".to_owned(),
        };
        context.messages.say(&text);
        env.insert("pkginfo".to_owned(), pkginfo.into());
        Ok(Outputs::Declared)
    }
}

/// The default catalog of the preferences in that home folder; none if there are no preferences.
fn default_catalog(home: &Path) -> Result<Option<String>, StepError> {
    let path = home.join(PREFERENCES);
    let failed =
        |why: &str| StepError::configuration(format!("cannot read `{}`: {why}", path.display()));
    let bytes = match fs_err::read(&path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed(&error.to_string()).caused_by(error)),
    };
    match proplist::from_bytes(&bytes) {
        Ok(Value::Dict(preferences)) => Ok(preferences
            .get("default_catalog")
            .and_then(Value::as_str)
            .filter(|catalog| !catalog.is_empty())
            .map(str::to_owned)),
        Ok(_) => Err(failed("it holds no dictionary")),
        Err(error) => Err(failed(&error.to_string()).caused_by(error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn preferences_are_read_where_munkis_tools_keep_them() {
        let home = tempfile::tempdir().unwrap();
        assert_eq!(default_catalog(home.path()).unwrap(), None);
        let path = home.path().join(PREFERENCES);
        fs_err::create_dir_all(path.parent().unwrap()).unwrap();
        for (body, expected) in [
            (
                "<dict><key>default_catalog</key><string>canary</string></dict>",
                Some("canary"),
            ),
            ("<dict><key>default_catalog</key><string/></dict>", None),
            ("<dict/>", None),
        ] {
            fs_err::write(&path, format!("<plist>{body}</plist>")).unwrap();
            assert_eq!(default_catalog(home.path()).unwrap().as_deref(), expected);
        }
        fs_err::write(&path, "<plist><array/></plist>").unwrap();
        assert!(default_catalog(home.path()).is_err());
    }
}
