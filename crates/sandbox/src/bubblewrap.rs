//! Makes rooms with bubblewrap.

use std::{
    env,
    ffi::{OsStr, OsString},
    io,
    path::{Path, PathBuf},
    process::Stdio,
};

use tokio::process::Command;

use crate::{Confined, Network, Room, SandboxError, filter};

/// Folders of the system that are links into `/usr` on some machines, and folders of their own on others.
const SYSTEM: [&str; 4] = ["/bin", "/sbin", "/lib", "/lib64"];

/// Has a program started with a file open under a number, which nothing else that this process starts inherits.
pub(crate) const OPENER: &str = "exec \"$@\" 9<\"$0\"";
/// That number.
const FILTER: &str = "9";

/// What programs of the system need of `/etc`: which of several programs a name such as `awk` means (Debian), and the
/// zone that times are told in.
const ETC: [&str; 2] = ["/etc/alternatives", "/etc/localtime"];

/// What names and certificates need of `/etc`, where there is a network.
const NETWORK_FILES: [&str; 6] = [
    "/etc/hosts",
    "/etc/nsswitch.conf",
    "/etc/resolv.conf",
    "/etc/ssl/certs",
    "/etc/ssl/openssl.cnf",
    "/usr/share/ca-certificates",
];

/// The program that makes rooms.
#[derive(Clone, Debug)]
pub struct Bubblewrap {
    program: PathBuf,
}

impl Bubblewrap {
    /// Bubblewrap, as installed on this machine.
    ///
    /// # Errors
    /// [`SandboxError::Missing`] if it is not.
    pub fn find() -> Result<Self, SandboxError> {
        let path = env::var_os("PATH").unwrap_or_default();
        let places = env::split_paths(&path).chain(["/usr/bin".into(), "/bin".into()]);
        places
            .map(|folder| folder.join("bwrap"))
            .find(|program| program.is_file())
            .map(|program| Self { program })
            .ok_or(SandboxError::Missing)
    }

    /// Starts `program` in `room`, with pipes to all three of its streams.
    ///
    /// # Errors
    /// [`SandboxError::Filter`] and [`SandboxError::Start`]. A room that cannot be made ends the program before it began;
    /// see [`Ended::refusal`](crate::Ended::refusal).
    pub fn start<I: AsRef<OsStr>>(
        &self,
        room: &Room,
        program: &Path,
        arguments: &[I],
    ) -> Result<Confined, SandboxError> {
        let failed = |source: io::Error| SandboxError::Start {
            program: program.display().to_string(),
            source,
        };
        let mut command = Command::new("/bin/sh");
        command
            .args(["-c", OPENER, &filter::path().map_err(SandboxError::Filter)?])
            .arg(&self.program)
            .args(["--seccomp", FILTER])
            .args(walls(room))
            .arg("--")
            .arg(program)
            .args(arguments)
            .env_clear()
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        let child = command.spawn().map_err(failed)?;
        Confined::new(child, room).map_err(failed)
    }
}

/// Folders that anybody may write on the systems that programs are written for; here they are gone with the program.
const SCRATCH: [&str; 3] = ["/Volumes", "/dev/shm", TMP];
const TMP: &str = "/tmp";

/// The arguments that make the room.
fn walls(room: &Room) -> Vec<OsString> {
    let mut walls = Walls::default();
    walls.add(&["--unshare-all", "--die-with-parent", "--new-session"]);
    walls.add(&["--cap-drop", "ALL", "--hostname", "sandbox", "--clearenv"]);
    for (name, value) in [
        ("HOME", "/tmp"),
        ("LANG", "C.UTF-8"),
        ("PATH", "/usr/bin:/bin:/usr/sbin:/sbin"),
        ("TMPDIR", "/tmp"),
    ] {
        walls.add(&["--setenv", name, value]);
    }
    for (name, value) in &room.variables {
        walls.add(&["--setenv", name, value]);
    }
    walls.add(&["--ro-bind", "/usr", "/usr"]);
    for folder in SYSTEM {
        match fs_err::read_link(folder) {
            Ok(target) => walls.place("--symlink", &target, Path::new(folder)),
            Err(_not_a_link) => walls.add(&["--ro-bind-try", folder, folder]),
        }
    }
    for place in ETC {
        walls.add(&["--ro-bind-try", place, place]);
    }
    walls.add(&["--proc", "/proc", "--dev", "/dev"]);
    // Settings of the kernel are the machine's, and root in the room would be root there.
    walls.add(&["--ro-bind-try", "/proc/sys", "/proc/sys"]);
    // What is written there is memory that no process is seen to use: all of it together is as much as one may have.
    let folders = u64::try_from(SCRATCH.len()).unwrap_or(u64::MAX);
    let size = room.limits.memory_bytes.div_ceil(folders).to_string();
    for folder in SCRATCH {
        match &room.scratch {
            Some(own) if folder == TMP => walls.place("--bind", own, Path::new(TMP)),
            _ => walls.add(&["--size", &size, "--tmpfs", folder]),
        }
    }
    if room.network == Network::Host {
        walls.add(&["--share-net"]);
        for file in NETWORK_FILES {
            walls.add(&["--ro-bind-try", file, file]);
        }
    }
    for folder in &room.write {
        walls.place("--bind", folder, folder);
    }
    for (place, seen_at) in &room.read {
        walls.place("--ro-bind", place, seen_at);
    }
    // The room's own walls, which are memory too.
    walls.add(&["--remount-ro", "/dev", "--remount-ro", "/"]);
    walls.add(&["--chdir"]);
    walls.0.push(room.current_dir.clone().into());
    walls.0
}

#[derive(Default)]
struct Walls(Vec<OsString>);

impl Walls {
    fn add(&mut self, words: &[&str]) {
        self.0.extend(words.iter().map(OsString::from));
    }

    fn place(&mut self, how: &str, from: &Path, to: &Path) {
        self.0.push(how.into());
        self.0.push(from.into());
        self.0.push(to.into());
    }
}
