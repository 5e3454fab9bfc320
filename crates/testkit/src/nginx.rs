//! A real NGINX on loopback.

use std::{
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, ensure};
use rustix::process::{Pid, Signal, geteuid, kill_process};

/// How long it may take to start.
const PATIENCE: Duration = Duration::from_secs(30);

/// A running server; it ends when it is dropped.
#[derive(Debug)]
pub struct Nginx {
    main: PathBuf,
    child: Child,
}

impl Nginx {
    /// Starts it with a configuration in `folder` that includes the files of the pattern `include`; nothing where it is
    /// not installed.
    ///
    /// # Errors
    /// If it does not start; in CI also where it is not installed.
    pub fn start(folder: &Path, include: &str) -> anyhow::Result<Option<Self>> {
        let Some(program) = find() else {
            ensure!(
                std::env::var_os("CI").is_none(),
                "NGINX is not installed: `cargo xtask setup` installs it"
            );
            return Ok(None);
        };
        fs_err::create_dir_all(folder)?;
        let main = folder.join("nginx.conf");
        fs_err::write(&main, configuration(folder, include))?;
        let child = Command::new(program)
            .arg("-c")
            .arg(&main)
            .args(["-g", "daemon off;"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .context("NGINX does not start")?;
        let server = Self { main, child };
        let until = Instant::now() + PATIENCE;
        // Before that it takes no signals.
        while fs_err::read_to_string(folder.join("pid")).map_or(true, |pid| pid.is_empty()) {
            ensure!(Instant::now() < until, "NGINX does not start");
            thread::sleep(Duration::from_millis(10));
        }
        Ok(Some(server))
    }

    /// The command that tests its configuration.
    pub fn test(&self) -> Vec<String> {
        self.command(&["-t", "-q"])
    }

    /// The command that has it read its configuration again.
    pub fn reload(&self) -> Vec<String> {
        self.command(&["-s", "reload"])
    }

    /// The number of its first process.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    fn command(&self, arguments: &[&str]) -> Vec<String> {
        let program = find().unwrap_or_else(|| "nginx".into());
        let mut command = vec![program.display().to_string()];
        command.extend(["-c".to_owned(), self.main.display().to_string()]);
        command.extend(arguments.iter().map(|argument| (*argument).to_owned()));
        command
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        // Its workers end with it, which they would not if it were killed.
        kill_process(Pid::from_child(&self.child), Signal::TERM).unwrap_or_default();
        self.child.wait().map(drop).unwrap_or_default();
    }
}

/// Nothing but where it may write, so that it needs no rights.
fn configuration(folder: &Path, include: &str) -> String {
    let folder = folder.display();
    // Otherwise its workers could not read what only root may.
    let user = if geteuid().is_root() {
        "user root;\n"
    } else {
        ""
    };
    let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|kind| format!("{kind}_temp_path \"{folder}/{kind}\";\n"))
        .concat();
    format!(
        "{user}worker_processes 2;\npid \"{folder}/pid\";\nerror_log \"{folder}/error.log\";\n\
         events {{ worker_connections 4096; }}\n\
         http {{\naccess_log off;\n{temporary}include \"{include}\";\n}}\n"
    )
}

/// Distributions keep it where not every user looks for programs.
fn find() -> Option<PathBuf> {
    let paths = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&paths)
        .chain(["/usr/sbin", "/usr/local/sbin"].map(PathBuf::from))
        .map(|folder| folder.join("nginx"))
        .find(|path| path.is_file())
}
