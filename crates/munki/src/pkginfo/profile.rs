//! The pkginfo of a configuration profile. Munki 6 installs them; Munki 7 does not, since macOS no longer lets it.

use proplist::{Dict, Value};

use super::error::PkginfoError;

/// Adds what the profile `name` says of itself.
///
/// # Errors
/// If it is no profile.
///
/// # Source
/// `get_catalog_info_for_profile` in `pkginfolib.py` of Munki 6.7.
pub(super) fn describe(contents: &[u8], name: &str, info: &mut Dict) -> Result<(), PkginfoError> {
    let damaged = |why: String| PkginfoError::Damaged {
        what: format!("the configuration profile `{name}`"),
        why,
    };
    let profile = match proplist::from_bytes(unsigned(contents)) {
        Ok(Value::Dict(profile)) => profile,
        Ok(_) => return Err(damaged("it holds no dictionary".to_owned())),
        Err(error) => return Err(damaged(error.to_string())),
    };
    let text = |key: &str| profile.get(key).and_then(Value::as_str);
    if text("PayloadType") != Some("Configuration") {
        return Err(damaged("its PayloadType is not Configuration".to_owned()));
    }
    let identifier = text("PayloadIdentifier")
        .ok_or_else(|| damaged("it has no PayloadIdentifier".to_owned()))?;
    let shown = text("PayloadDisplayName").unwrap_or(name);
    let described = text("PayloadDescription").unwrap_or_default();
    for (key, value) in [
        ("PayloadIdentifier", identifier),
        ("name", name),
        ("display_name", shown),
        ("description", described),
        ("version", "1.0"),
        ("installer_type", "profile"),
        ("uninstall_method", "remove_profile"),
        ("minimum_os_version", "10.7"),
        ("minimum_munki_version", "2.2"),
    ] {
        info.insert(key.to_owned(), value.into());
    }
    for key in [
        "uninstallable",
        "unattended_install",
        "unattended_uninstall",
    ] {
        info.insert(key.to_owned(), true.into());
    }
    Ok(())
}

/// The property list, without the signature around it, where there is one.
fn unsigned(contents: &[u8]) -> &[u8] {
    let find = |what: &[u8]| {
        contents
            .windows(what.len())
            .position(|window| window == what)
    };
    let end = b"</plist>";
    match (find(b"<?xml"), find(end)) {
        (Some(from), Some(to)) if from > 0 => contents
            .get(from..to.saturating_add(end.len()))
            .unwrap_or(contents),
        _ => contents,
    }
}
