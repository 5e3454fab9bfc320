//! Keys of pkginfos, which Munki passes over when it does not know them.

use proplist::{Dict, Part, Value};

use super::{chain::Chain, nearest::nearest, rules};

/// The keys that Munki knows.
///
/// # Source
/// Munki 7: `pkginfo` in its wiki, `PkginfoOptions`, `installercore`, `updatecheck`.
const KEYS: [&str; 72] = [
    "OnDemand",
    "PayloadIdentifier",
    "RestartAction",
    "additional_startosinstall_options",
    "adobe_package_name",
    "allow_untrusted",
    "apple_item",
    "autoremove",
    "blocking_applications",
    "blocking_applications_manual_quit_only",
    "blocking_applications_quit_script",
    "catalogs",
    "category",
    "copy_local",
    "default_installs",
    "description",
    "developer",
    "display_name",
    "display_name_staged",
    "embedded_executable",
    "featured_items",
    "force_install_after_date",
    "force_install_before_date",
    "icon_hash",
    "icon_name",
    "installable_condition",
    "installable_condition_disabled",
    "installcheck_script",
    "installed_size",
    "installed_size_staged",
    "installer_choices_xml",
    "installer_environment",
    "installer_item_hash",
    "installer_item_location",
    "installer_item_size",
    "installer_type",
    "installs",
    "items_to_copy",
    "items_to_remove",
    "localized_strings",
    "maximum_munki_version",
    "maximum_os_version",
    "minimum_munki_version",
    "minimum_os_version",
    "minimum_update_version",
    "name",
    "notes",
    "package_complete_url",
    "package_path",
    "package_url",
    "postinstall_script",
    "postuninstall_script",
    "precache",
    "preinstall_alert",
    "preinstall_script",
    "preuninstall_alert",
    "preuninstall_script",
    "preupgrade_alert",
    "receipts",
    "requires",
    "suppress_bundle_relocation",
    "supported_architectures",
    "unattended_install",
    "unattended_uninstall",
    "uninstall_method",
    "uninstall_script",
    "uninstallable",
    "uninstallcheck_script",
    "uninstaller_item_location",
    "unused_software_removal_info",
    "update_for",
    "version",
];

pub(super) fn look(chain: &mut Chain<'_>) {
    for recipe in chain.recipe.chain() {
        let input = recipe.keys().get("Input").and_then(Value::as_dict);
        if let Some(Value::Dict(pkginfo)) = input.and_then(|input| input.get("pkginfo")) {
            keys(
                chain,
                pkginfo,
                recipe.path(),
                &["Input".into(), "pkginfo".into()],
            );
        }
    }
    for placed in chain.steps.clone() {
        for name in ["additional_pkginfo", "pkginfo"] {
            if let Some(Value::Dict(pkginfo)) = placed.step.arguments().get(name) {
                keys(chain, pkginfo, &placed.file, &placed.argument(name));
            }
        }
    }
}

fn keys(chain: &mut Chain<'_>, pkginfo: &Dict, file: &std::path::Path, around: &[Part]) {
    for key in pkginfo.keys() {
        let meant = nearest(key, KEYS).filter(|meant| !pkginfo.contains_key(*meant));
        if let Some(meant) = meant {
            let place = [around, &[key.as_str().into()]].concat();
            chain.find(
                &rules::MISSPELT_KEY,
                (file, &place),
                format!("Munki knows no `{key}` in a pkginfo"),
                format!("Write `{meant}`."),
            );
        }
    }
}
