//! A folder that stands for a Mac.

use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::{DirBuilderExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use proplist::{Dict, Value};
use tempfile::TempDir;

use crate::server::{CREDENTIAL, EnvQuery, TOKEN};

pub(crate) const CLIENT_PROFILE: &str = "Library/Managed Preferences/com.auto-update.client.plist";
pub(crate) const MUNKI_PROFILE: &str = "Library/Managed Preferences/ManagedInstalls.plist";
pub(crate) const ROOT_MUNKI: &str = "private/var/root/Library/Preferences/ManagedInstalls.plist";
pub(crate) const LOG: &str = "private/var/log/auto-update.log";

pub(crate) const MANIFEST: &str = "Library/Managed Installs/manifests/auto-update";
pub(crate) const REPORT: &str = "Library/Managed Installs/ManagedInstallReport.plist";
pub(crate) const INFO: &str = "Library/Managed Installs/InstallInfo.plist";
pub(crate) const NOTIFIER: &str = "Applications/Utilities/Notifier.app/Contents/MacOS/Notifier";

/// The folder.
pub(crate) struct TestMac {
    folder: TempDir,
}

/// How the program ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) status: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// Every file below the folder, but the log: its kind and mode, and what is in it.
pub(crate) type Everything = BTreeMap<PathBuf, (u32, Vec<u8>)>;

impl TestMac {
    /// A Mac with Jamf Pro's agent and Munki, and nothing else.
    pub(crate) fn bare() -> Self {
        let mac = Self {
            folder: TempDir::new().unwrap(),
        };
        set_mode(mac.folder.path(), 0o755);
        mac.program("usr/local/jamf/bin/jamf", "exit 0");
        mac.program("usr/local/munki/managedsoftwareupdate", "exit 0");
        mac.folder("private/var/log", 0o755);
        mac.folder("private/tmp", 0o1777);
        mac.folder("private/var/root/Library/Preferences", 0o700);
        mac.folder("Library/Managed Installs/manifests", 0o755);
        mac.folder("Library/Managed Preferences", 0o755);
        mac
    }

    /// A Mac that `server`'s tenant has enrolled.
    pub(crate) fn of(server: &EnvQuery) -> Self {
        let mac = Self::bare();
        mac.plist(CLIENT_PROFILE, server.profile());
        mac.plist(
            MUNKI_PROFILE,
            dict([
                ("LocalOnlyManifest", Value::from("auto-update")),
                ("FollowHTTPRedirects", Value::from("none")),
                ("PackageVerificationMode", Value::from("hash_strict")),
            ]),
        );
        mac.write("private/etc/ssl/cert.pem", server.roots().as_bytes(), 0o644);
        mac
    }

    /// One with a person at it, Notifier, and programs that write down how they are called.
    pub(crate) fn with_person(server: &EnvQuery) -> Self {
        let mac = Self::of(server);
        mac.write("dev/console", b"", 0o600);
        if rustix::process::geteuid().is_root() {
            std::os::unix::fs::chown(mac.path("dev/console"), Some(501), None).unwrap();
        }
        mac.program(
            "bin/launchctl",
            "[ \"$1\" = asuser ] || exit 9; shift 2; exec \"$@\"",
        );
        mac.program(
            "usr/bin/sudo",
            "[ \"$1\" = -u ] || exit 9; shift 2; exec \"$@\"",
        );
        mac.program(
            NOTIFIER,
            // One write, so that two who are called at once do not mix their lines.
            "line=$(printf '%s|' \"$@\"); echo \"$line\" >> $ROOT/notified",
        );
        mac.program("usr/local/jamf/bin/jamf", "echo \"jamf $*\" >> $ROOT/ran");
        mac.program(
            "usr/local/munki/managedsoftwareupdate",
            "echo \"munki $*\" >> $ROOT/ran",
        );
        mac
    }

    /// The lines of a file that programs wrote down their calls in, sorted: they run side by side.
    pub(crate) fn lines(&self, name: &str) -> Vec<String> {
        let mut lines: Vec<String> = self.text(name).lines().map(ToOwned::to_owned).collect();
        lines.sort();
        lines
    }

    /// What a run of Munki that was broken off leaves behind.
    pub(crate) fn leave_credential(&self) {
        let header = format!("Authorization: Basic {CREDENTIAL}");
        self.plist(
            ROOT_MUNKI,
            dict([
                ("SoftwareRepoURL", Value::from("https://pods.example/x")),
                ("AdditionalHttpHeaders", Value::from(vec![header])),
            ]),
        );
        set_mode(&self.path(ROOT_MUNKI), 0o600);
    }

    pub(crate) fn manifest(&self, installs: &[&str], uninstalls: &[&str]) {
        self.plist(
            MANIFEST,
            dict([
                ("managed_installs", Value::from(installs.to_vec())),
                ("managed_uninstalls", Value::from(uninstalls.to_vec())),
            ]),
        );
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn folder(&self, name: &str, mode: u32) {
        let mut path = self.folder.path().to_owned();
        for part in Path::new(name) {
            path.push(part);
            if !path.exists() {
                fs::DirBuilder::new().mode(0o755).create(&path).unwrap();
                set_mode(&path, 0o755);
            }
        }
        set_mode(&path, mode);
    }

    pub(crate) fn write(&self, name: &str, bytes: &[u8], mode: u32) {
        let path = self.path(name);
        if !path.parent().unwrap().exists() {
            self.folder(Path::new(name).parent().unwrap().to_str().unwrap(), 0o755);
        }
        fs::write(&path, bytes).unwrap();
        set_mode(&path, mode);
    }

    /// A shell script; `$ROOT` is the folder.
    pub(crate) fn program(&self, name: &str, script: &str) {
        let root = self.folder.path().display();
        let text = format!("#!/bin/sh\nROOT='{root}'\n{script}\n");
        self.write(name, text.as_bytes(), 0o755);
    }

    pub(crate) fn plist(&self, name: &str, dict: Dict) {
        let text = proplist::to_xml(&Value::Dict(dict), proplist::KeyOrder::AsIs).unwrap();
        self.write(name, text.as_bytes(), 0o644);
    }

    pub(crate) fn read_plist(&self, name: &str) -> Dict {
        let bytes = fs::read(self.path(name)).unwrap();
        match proplist::from_bytes(&bytes).unwrap() {
            Value::Dict(dict) => dict,
            other => panic!("{name} holds {other:?}"),
        }
    }

    pub(crate) fn text(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap_or_default()
    }

    /// The messages of the log, without their times.
    pub(crate) fn log(&self) -> Vec<String> {
        let text = self.text(LOG);
        text.lines()
            .map(|line| line.get(20..).unwrap_or(line).to_owned())
            .collect()
    }

    pub(crate) fn everything(&self) -> Everything {
        let mut found = Everything::new();
        collect(self.folder.path(), &mut found);
        found.remove(&self.path(LOG));
        found
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_auto-update-client"));
        command
            .env_clear()
            .arg("--root")
            .arg(self.folder.path())
            .args(arguments)
            .stdin(Stdio::null());
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Ended {
        ended(&mut self.command(arguments))
    }

    /// That no file of the Mac holds `CREDENTIAL`, and none but the profile the token.
    pub(crate) fn assert_clean(&self) {
        let profile = self.path(CLIENT_PROFILE);
        let mut all = self.everything();
        all.insert(self.path(LOG), (0, self.text(LOG).into_bytes()));
        for (path, (_, bytes)) in all {
            let holds = |secret: &str| {
                let wide: Vec<u8> = secret.encode_utf16().flat_map(u16::to_be_bytes).collect();
                [secret.as_bytes(), &wide]
                    .iter()
                    .any(|secret| bytes.windows(secret.len()).any(|window| window == *secret))
            };
            assert!(
                !holds(CREDENTIAL),
                "{} holds the credential",
                path.display()
            );
            assert!(
                path == profile || !holds(TOKEN),
                "{} holds the token",
                path.display()
            );
        }
    }
}

pub(crate) fn ended(command: &mut Command) -> Ended {
    let output = command.output().unwrap();
    let ended = Ended {
        status: output.status.code().unwrap(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    };
    for text in [&ended.stdout, &ended.stderr] {
        assert!(
            !text.contains(CREDENTIAL) && !text.contains(TOKEN),
            "{text}"
        );
        assert!(!text.contains("eyJ"), "a token is printed: {text}");
    }
    ended
}

pub(crate) fn dict<const N: usize>(pairs: [(&str, Value); N]) -> Dict {
    pairs
        .into_iter()
        .map(|(key, value)| (key.to_owned(), value))
        .collect()
}

pub(crate) fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

fn collect(folder: &Path, found: &mut Everything) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let metadata = fs::symlink_metadata(&path).unwrap();
        let bytes = if metadata.is_file() {
            fs::read(&path).unwrap()
        } else if metadata.is_symlink() {
            fs::read_link(&path)
                .unwrap()
                .into_os_string()
                .into_encoded_bytes()
        } else {
            Vec::new()
        };
        found.insert(path.clone(), (metadata.permissions().mode(), bytes));
        if metadata.is_dir() {
            collect(&path, found);
        }
    }
}
