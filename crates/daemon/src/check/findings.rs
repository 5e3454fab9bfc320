//! What there is to mend in how the house is set up.

use std::{
    io::{self, Write as _},
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

use pipeline::Schedules;
use processors::Registry;
use web::SettingsFinding;

use super::rank;
use crate::{Config, OpenError, RepositoryPlace, open_fetcher};
use model::chain;

/// Mode bits that let others than the owner and the group read a file.
const OTHERS_READ: u32 = 0o004;

/// What there is to mend, the worst first. A configuration that cannot be used at all is refused when it is loaded; this
/// is about what can be used, and is not as it might be. It looks at files.
pub fn find(
    config: &Config,
    search_dirs: &[PathBuf],
    override_dirs: &[PathBuf],
) -> Vec<SettingsFinding> {
    let mut found = Found::of(config);
    written(&mut found, config);
    folders(&mut found, search_dirs, override_dirs);
    secret_files(&mut found, config);
    certificates(&mut found, config);
    schedules(&mut found, config);
    limits(&mut found, config);
    rest(&mut found, config);
    found.findings.sort_by_key(|finding| rank(finding.severity));
    found.findings
}

/// What was found so far.
struct Found {
    /// The configuration file.
    file: Option<String>,
    findings: Vec<SettingsFinding>,
}

impl Found {
    fn of(config: &Config) -> Self {
        Self {
            file: config.file().map(|file| file.display().to_string()),
            findings: Vec::new(),
        }
    }

    fn add(&mut self, severity: &'static str, key: &'static str, [message, mend]: [String; 2]) {
        self.findings.push(SettingsFinding {
            severity,
            file: self.file.clone(),
            key,
            message,
            mend,
        });
    }
}

/// Folders that must be writable. What is not there yet is made when it is needed, in what is there.
fn written(found: &mut Found, config: &Config) {
    let mut folders = vec![("state-dir", config.state_dir.clone())];
    if let Ok(RepositoryPlace::Folder(folder)) = config.repository_place() {
        let key = match &config.repository.url {
            Some(_) => "repository.url",
            None => "repository.path",
        };
        folders.push((key, folder));
    }
    let mut tried = Vec::new();
    for (key, folder) in &folders {
        let place = nearest(folder);
        // The repository often lies in the state folder: what is wrong there is said once.
        if tried.contains(&place) {
            continue;
        }
        tried.push(place);
        if let Err(error) = try_to_write(place) {
            let message = format!("Nothing can be written to `{}`: {error}.", place.display());
            let mend = "Ask as the user of the service; give that user the folder, make room on its disk, or name another folder.";
            found.add("error", key, [message, mend.to_owned()]);
        }
    }
}

/// The folder, or the nearest above it that is there. One that cannot be looked at counts as there.
fn nearest(folder: &Path) -> &Path {
    let there = |path: &&Path| !path.as_os_str().is_empty() && path.try_exists().unwrap_or(true);
    folder.ancestors().find(there).unwrap_or(Path::new("."))
}

/// Writes a file that is gone afterwards. A disk that is full may still take the name of a file, not what is in it.
fn try_to_write(folder: &Path) -> io::Result<()> {
    let mut file = tempfile::tempfile_in(folder)?;
    file.write_all(&[0; 4_096])?;
    file.sync_all()
}

fn folders(found: &mut Found, search_dirs: &[PathBuf], override_dirs: &[PathBuf]) {
    for (key, dirs) in [
        ("autopkg.recipe-search-dirs", search_dirs),
        ("autopkg.recipe-override-dirs", override_dirs),
    ] {
        for dir in dirs.iter().filter(|dir| !dir.is_dir()) {
            let message = format!("`{}` is not there.", dir.display());
            let mend = "Make the folder, or take it out; preferences of AutoPkg may name it, too.";
            found.add("warning", key, [message, mend.to_owned()]);
        }
    }
}

/// Files that hold secrets, and the keys that name them.
fn secret_files(found: &mut Found, config: &Config) {
    let mut files: Vec<(&'static str, PathBuf)> = Vec::new();
    let mut name = |key, file: &Option<PathBuf>| {
        files.extend(file.clone().map(|file| (key, file)));
    };
    name(
        "repository.secret-key-file",
        &config.repository.secret_key_file,
    );
    name("database.url-file", &config.database.url_file);
    name("scan.api-key-file", &config.scan.api_key_file);
    name("evidence.key", &config.evidence.key);
    name("envquery.key", &config.envquery.key);
    name("pods.key", &config.pods.key);
    name("administration.key", &config.administration.key);
    name("catalogue.key", &config.catalogue.key);
    let mut desk = config.desk.clone();
    for file in desk.secret_files_mut() {
        files.push(("desk", file.clone()));
    }
    for (key, file) in files {
        if is_open(&file) {
            let message = format!(
                "`{}` holds a secret, and everybody on this machine can read it.",
                file.display()
            );
            let mend = format!("chmod o= {}", file.display());
            found.add("warning", key, [message, mend]);
        }
    }
}

fn is_open(file: &Path) -> bool {
    fs_err::metadata(file).is_ok_and(|metadata| metadata.mode() & OTHERS_READ != 0)
}

/// Those of authorities, without which no server is trusted.
fn certificates(found: &mut Found, config: &Config) {
    let checked =
        open_fetcher(config).and_then(|fetcher| fetcher.check_tls().map_err(OpenError::Fetch));
    if let Err(error) = checked {
        let message = format!("No request over HTTPS can be made: {}.", chain(&error));
        let mend = "Install the certificates of the authorities (on Debian the package `ca-certificates`), or name a file of them \
                    in the variable `SSL_CERT_FILE`.";
        found.add("error", "", [message, mend.to_owned()]);
    }
}

fn schedules(found: &mut Found, config: &Config) {
    let path = &config.serve.schedules;
    let key = "serve.schedules";
    match Schedules::load(path) {
        Ok(schedules) if schedules.titles().is_empty() => {
            let message = format!("Nothing is scheduled in `{}`.", path.display());
            let mend = "Say there which overrides run when; until then runs are started by hand.";
            found.add("note", key, [message, mend.to_owned()]);
        }
        Ok(_schedules) => {}
        Err(error) => {
            let message = format!("The schedules cannot be read: {error}.");
            let mend = "`auto-update schedule check` says what is wrong there.";
            found.add("error", key, [message, mend.to_owned()]);
        }
    }
}

/// Limits of processors that the program does not know, which may be misspelt.
fn limits(found: &mut Found, config: &Config) {
    let native = Registry::native();
    let names = config.serve.processors.keys();
    for name in names.filter(|name| native.get(name).is_none()) {
        let message = format!("`{name}` is no processor of this program.");
        let mend =
            "Nothing, if a recipe repository has it and recipes name it so; else correct the name.";
        found.add("note", "serve.processors", [message, mend.to_owned()]);
    }
}

/// What is possible, and not everybody means.
fn rest(found: &mut Found, config: &Config) {
    let mut say = |severity, key, message: &str, mend: &str| {
        found.add(severity, key, [message.to_owned(), mend.to_owned()]);
    };
    if config.scan.api_key.is_none() {
        say(
            "warning",
            "scan.api-key",
            "There is no key for VirusTotal, so that it is asked about nothing.",
            "Put the key into a file, and name it in `scan.api-key-file`.",
        );
    }
    if config.desk.secrets().is_empty() && config.desk.email.is_empty() {
        say(
            "warning",
            "desk",
            "Nobody is told of incidents: no connector is configured.",
            "Add one: `desk.email` or `desk.webhook`, for instance.",
        );
    }
    if config.signatures.may_disable {
        say(
            "warning",
            "signatures.may-disable",
            "Recipes may switch the check of signatures off.",
            "Take the key out unless a title needs it.",
        );
    }
    if !config.sandbox.python.exists() {
        say(
            "error",
            "sandbox.python",
            "The Python interpreter is not there: no processor of a recipe repository can run.",
            "Install Python, or name the interpreter that there is.",
        );
    }
    if !config.fetch.plain_http_hosts.is_empty() {
        say(
            "note",
            "fetch.plain-http-hosts",
            "Some hosts may be asked without encryption.",
            "Take those out that can be reached over TLS by now.",
        );
    }
    if config.rings.ring.is_empty() {
        say(
            "note",
            "rings",
            "There are no rings: what is published is at once in the catalogs that its recipe names.",
            "Name the catalogs in the order in which Macs are to get new versions.",
        );
    }
}

#[cfg(test)]
mod tests {
    use std::{num::NonZeroU16, os::unix::fs::PermissionsExt as _};

    use super::*;

    #[test]
    fn what_is_to_be_mended_is_told_by_key_the_worst_first() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str| folder.path().join(name);
        fs_err::write(file("schedules.yaml"), "schedules: [x]\n").unwrap();
        fs_err::write(file("key"), "secret").unwrap();
        let mut config = Config::default();
        config.state_dir = file("not/yet");
        config.serve.schedules = file("schedules.yaml");
        config.sandbox.python = file("key");
        config.administration.key = Some(file("key"));
        let limits =
            ["URLDownloader", "URLDownlaoder"].map(|name| (name.to_owned(), NonZeroU16::MIN));
        config.serve.processors.extend(limits);
        let mode = |mode| {
            let permissions = std::fs::Permissions::from_mode(mode);
            fs_err::set_permissions(file("key"), permissions).unwrap();
        };
        mode(0o644);
        let told = |config: &Config| {
            let found = find(config, &[file("none")], &[folder.path().to_owned()]);
            let told = found.iter().map(|it| format!("{} {}", it.severity, it.key));
            told.collect::<Vec<_>>()
        };
        assert_eq!(
            told(&config),
            [
                "error serve.schedules",
                "warning autopkg.recipe-search-dirs",
                "warning administration.key",
                "warning scan.api-key",
                "warning desk",
                "note serve.processors",
                "note rings",
            ]
        );
        mode(0o640);
        config.serve.schedules = file("no.yaml");
        config.sandbox.python = file("no");
        let after = told(&config);
        assert!(!after.contains(&"warning administration.key".to_owned()));
        assert_eq!(after.first().unwrap(), "error sandbox.python");
        assert!(after.contains(&"note serve.schedules".to_owned()));
    }

    #[test]
    fn folders_that_cannot_be_written_to_are_told_once() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        fs_err::write(&file, "").unwrap();
        let told = |config: &Config| {
            let mut found = Found::of(config);
            written(&mut found, config);
            let told = found.findings.iter().map(|it| (it.severity, it.key));
            told.collect::<Vec<_>>()
        };
        let mut config = Config::default();
        config.state_dir = folder.path().join("not/yet");
        assert!(told(&config).is_empty());
        assert_eq!(fs_err::read_dir(folder.path()).unwrap().count(), 1);

        // Nobody can write below a file, not even root.
        config.repository.path = Some(file.join("repo"));
        assert_eq!(told(&config), [("error", "repository.path")]);
        config.state_dir = file.join("state");
        assert_eq!(
            told(&config),
            [("error", "state-dir"), ("error", "repository.path")]
        );
        config.state_dir = file.clone();
        config.repository.path = Some(file);
        assert_eq!(told(&config), [("error", "state-dir")]);
    }
}
