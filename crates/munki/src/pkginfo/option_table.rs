//! The options of `makepkginfo`, one entry each.

/// One option: its names, what its value is called, what it does, and what people are told.
pub(super) struct Spec {
    pub(super) names: &'static [&'static str],
    pub(super) value: &'static str,
    pub(super) effect: Effect,
    pub(super) help: &'static str,
}

/// What an option does with its value.
#[derive(Clone, Copy)]
pub(super) enum Effect {
    /// Sets a key to the text.
    Text(&'static str),
    /// Sets a key to the text, which must begin with a digit.
    Version(&'static str),
    /// Sets a key to true; there is no value.
    Flag(&'static str),
    /// Adds the text to the array of a key.
    List(&'static str),
    /// Sets a key to what a file holds.
    Script(&'static str),
    /// Sets a key to the text, or to what a file of that name holds.
    TextOrFile(&'static str),
    /// Sets a key to the text, which must be one of these.
    OneOf(&'static str, &'static [&'static str]),
    Architecture,
    Catalog,
    Compat,
    CopyItem,
    CopyTo,
    CopyAs,
    CopyUser,
    CopyGroup,
    CopyMode,
    Date,
    Environment,
    Installs,
    InstallerType,
    Nopkg,
    Nothing,
    /// It is known, and cannot be done here; why.
    Refused(&'static str),
    Package,
    Uninstaller,
}

impl Effect {
    pub(super) const fn takes_value(self) -> bool {
        !matches!(
            self,
            Self::Flag(_) | Self::Nopkg | Self::Nothing | Self::Refused(_)
        )
    }
}

const fn spec(
    names: &'static [&'static str],
    value: &'static str,
    effect: Effect,
    help: &'static str,
) -> Spec {
    Spec {
        names,
        value,
        effect,
        help,
    }
}

/// Every option of Munki 7's `makepkginfo`, Munki 6's other spellings of them, and which Munki is followed.
pub(super) const OPTIONS: [Spec; 48] = [
    spec(
        &["--compat"],
        "VERSION",
        Effect::Compat,
        "Whose pkginfo, where Munki's versions differ: 6 or 7 [default: 7]",
    ),
    spec(
        &["--name"],
        "NAME",
        Effect::Text("name"),
        "Name of the item",
    ),
    spec(
        &["--displayname", "--display_name", "--display-name"],
        "NAME",
        Effect::Text("display_name"),
        "Name that users see",
    ),
    spec(
        &["--description"],
        "TEXT|FILE",
        Effect::TextOrFile("description"),
        "Description, or a file that holds it",
    ),
    spec(
        &["--pkgvers"],
        "VERSION",
        Effect::Version("version"),
        "Version of the item",
    ),
    spec(
        &["--RestartAction"],
        "ACTION",
        Effect::OneOf(
            "RestartAction",
            &["RequireRestart", "RecommendRestart", "RequireLogout"],
        ),
        "RequireRestart, RecommendRestart or RequireLogout",
    ),
    spec(
        &["--uninstall-method", "--uninstall_method"],
        "METHOD",
        Effect::Text("uninstall_method"),
        "How the item is removed, or a script on the client that does it",
    ),
    spec(
        &["--installcheck-script", "--installcheck_script"],
        "FILE",
        Effect::Script("installcheck_script"),
        "Script that tells whether to install",
    ),
    spec(
        &["--uninstallcheck-script", "--uninstallcheck_script"],
        "FILE",
        Effect::Script("uninstallcheck_script"),
        "Script that tells whether to remove",
    ),
    spec(
        &["--preinstall-script", "--preinstall_script"],
        "FILE",
        Effect::Script("preinstall_script"),
        "Script to run before installing",
    ),
    spec(
        &["--postinstall-script", "--postinstall_script"],
        "FILE",
        Effect::Script("postinstall_script"),
        "Script to run after installing",
    ),
    spec(
        &["--preuninstall-script", "--preuninstall_script"],
        "FILE",
        Effect::Script("preuninstall_script"),
        "Script to run before removing",
    ),
    spec(
        &["--postuninstall-script", "--postuninstall_script"],
        "FILE",
        Effect::Script("postuninstall_script"),
        "Script to run after removing",
    ),
    spec(
        &["--uninstall-script", "--uninstall_script"],
        "FILE",
        Effect::Script("uninstall_script"),
        "Script that removes the item",
    ),
    spec(
        &["--version-script", "--version_script"],
        "FILE",
        Effect::Script("version_script"),
        "Script that prints the installed version",
    ),
    spec(
        &["-i", "--itemname", "-a", "--appname", "--item"],
        "PATH",
        Effect::CopyItem,
        "What to copy from the disk image",
    ),
    spec(
        &["-d", "--destinationpath"],
        "FOLDER",
        Effect::CopyTo,
        "Folder to copy it to [default: /Applications]",
    ),
    spec(
        &["--destinationitemname", "--destinationitem"],
        "NAME",
        Effect::CopyAs,
        "Name that the copy gets",
    ),
    spec(
        &["-o", "--owner", "--user"],
        "USER",
        Effect::CopyUser,
        "Owner that the copy gets",
    ),
    spec(
        &["-g", "--group"],
        "GROUP",
        Effect::CopyGroup,
        "Group that the copy gets",
    ),
    spec(
        &["-m", "--mode"],
        "MODE",
        Effect::CopyMode,
        "Mode that the copy gets, in symbols",
    ),
    spec(
        &["-p", "--pkgname"],
        "PATH",
        Effect::Package,
        "Package in the disk image",
    ),
    spec(
        &[
            "-U",
            "--uninstalleritem",
            "--uninstallerdmg",
            "--uninstallerpkg",
            "--uninstallpkg",
        ],
        "FILE",
        Effect::Uninstaller,
        "Package that removes the item, or an image with one",
    ),
    spec(
        &["-E", "--installer-environment", "--installer_environment"],
        "KEY=VALUE",
        Effect::Environment,
        "Variable to set when the package is installed",
    ),
    spec(
        &["--unattended-install", "--unattended_install"],
        "",
        Effect::Flag("unattended_install"),
        "Install without telling the user",
    ),
    spec(
        &["--unattended-uninstall", "--unattended_uninstall"],
        "",
        Effect::Flag("unattended_uninstall"),
        "Remove without telling the user",
    ),
    spec(
        &["--force-install-after-date", "--force_install_after_date"],
        "DATE",
        Effect::Date,
        "Install by force from then on, in local time: 2026-08-11T12:55:00Z",
    ),
    spec(
        &["-f", "--file"],
        "PATH",
        Effect::Installs,
        "File or bundle by which clients see what is installed",
    ),
    spec(
        &["--installer-type", "--installer_type"],
        "TYPE",
        Effect::InstallerType,
        "copy_from_dmg or stage_os_installer",
    ),
    spec(
        &["--nopkg"],
        "",
        Effect::Nopkg,
        "There is nothing to install but scripts",
    ),
    spec(
        &["--autoremove"],
        "",
        Effect::Flag("autoremove"),
        "Remove the item where nothing asks for it",
    ),
    spec(
        &["--OnDemand"],
        "",
        Effect::Flag("OnDemand"),
        "Never take the item for installed",
    ),
    spec(
        &["--minimum-munki-version", "--minimum_munki_version"],
        "VERSION",
        Effect::Version("minimum_munki_version"),
        "Oldest Munki that can install the item",
    ),
    spec(
        &[
            "--minimum-os-version",
            "--minimum_os_version",
            "--min-os-ver",
        ],
        "VERSION",
        Effect::Version("minimum_os_version"),
        "Oldest macOS for the item",
    ),
    spec(
        &[
            "--maximum-os-version",
            "--maximum_os_version",
            "--max-os-ver",
        ],
        "VERSION",
        Effect::Version("maximum_os_version"),
        "Newest macOS for the item",
    ),
    spec(
        &[
            "--arch",
            "--supported-architecture",
            "--supported_architecture",
        ],
        "ARCH",
        Effect::Architecture,
        "x86_64 or arm64",
    ),
    spec(
        &["-u", "--update-for", "--update_for"],
        "ITEM",
        Effect::List("update_for"),
        "Item that this one updates",
    ),
    spec(
        &["-r", "--requires"],
        "ITEM",
        Effect::List("requires"),
        "Item that this one needs",
    ),
    spec(
        &["-b", "--blocking-application", "--blocking_application"],
        "NAME",
        Effect::List("blocking_applications"),
        "Application that must not run meanwhile",
    ),
    spec(
        &["-c", "--catalog"],
        "NAME",
        Effect::Catalog,
        "Catalog that lists the item [default: testing]",
    ),
    spec(
        &["--category"],
        "TEXT",
        Effect::Text("category"),
        "Category that users see",
    ),
    spec(
        &["--developer"],
        "TEXT",
        Effect::Text("developer"),
        "Developer that users see",
    ),
    spec(
        &["--icon", "--iconname", "--icon-name", "--icon_name"],
        "NAME",
        Effect::Text("icon_name"),
        "Name of the icon's file",
    ),
    spec(
        &["--notes"],
        "TEXT|FILE",
        Effect::TextOrFile("notes"),
        "Notes for administrators, or a file that holds them",
    ),
    spec(
        &["--installer-choices-xml", "--installer_choices_xml"],
        "",
        Effect::Refused(
            "only macOS's installer can tell the choices of a package; write `installer_choices_xml` into the pkginfo",
        ),
        "Choices of a package, which are not made here",
    ),
    spec(
        &["--apple-update", "--apple_update"],
        "ID",
        Effect::Refused("Munki 7 knows no metadata of Apple's updates any more"),
        "Metadata of an update of Apple's, which is not made here",
    ),
    spec(
        &["--print-warnings"],
        "",
        Effect::Nothing,
        "Tell of warnings; they always are",
    ),
    spec(
        &["--no-print-warnings"],
        "",
        Effect::Nothing,
        "Accepted, and without effect",
    ),
];
