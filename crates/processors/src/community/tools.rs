//! Tools of macOS in the sandbox: the folders of the system's programs, with ours among them.
//!
//! Processors call tools by their places on a Mac (`/usr/bin/hdiutil`), which are folders that nobody may write. In the
//! sandbox each of these folders is another one, which has a link to each of the system's programs and, under each tool's
//! name, a link to the program that serves it.

use std::{
    ffi::OsString,
    io,
    path::{Path, PathBuf},
};

use sandbox::Room;

use crate::removal;

/// Where the system's own programs are seen in the sandbox, behind the links.
const SYSTEM: &str = "/run/auto-update/usr";
/// Where the program is seen that serves the tools.
pub(super) const PROGRAM: &str = "/run/auto-update/tools/auto-update";
/// The variable that says where images are extracted to that are attached.
const ATTACHED_IN: &str = "AUTO_UPDATE_ATTACHED";
/// The folder in the workspace for them.
const ATTACHED: &str = ".attached";

/// Folders of a Mac below `/usr`, and the tools in them.
const FOLDERS: [(&str, &[&str]); 4] = [
    (
        "bin",
        &[
            "codesign",
            "defaults",
            "ditto",
            "hdiutil",
            "launchctl",
            "lipo",
            "plutil",
            "sw_vers",
            "type",
            "xar",
            "xip",
        ],
    ),
    ("libexec", &["PlistBuddy"]),
    ("local", &["munki/makepkginfo"]),
    ("sbin", &["chown", "installer", "pkgutil", "spctl"]),
];

/// The names under which the program is started in the sandbox to serve a tool of macOS.
pub fn mac_tools() -> impl Iterator<Item = &'static str> {
    let tools = FOLDERS.iter().flat_map(|(_, tools)| tools.iter());
    tools.map(|tool| tool.rsplit_once('/').map_or(*tool, |(_, name)| name))
}

/// Makes the folders in `place`.
///
/// # Errors
/// If they cannot be written.
pub(super) fn make(place: &Path) -> io::Result<()> {
    for (name, tools) in FOLDERS {
        let own = place.join(name);
        fs_err::create_dir_all(&own)?;
        for tool in tools {
            let link = own.join(tool);
            if let Some(folder) = link.parent() {
                fs_err::create_dir_all(folder)?;
            }
            fs_err::os::unix::fs::symlink(PROGRAM, link)?;
        }
        for program in programs(name)? {
            let link = own.join(&program);
            // A tool of ours goes before one of the same name that somebody installed.
            if link.symlink_metadata().is_err() {
                let target = Path::new(SYSTEM).join(name).join(&program);
                fs_err::os::unix::fs::symlink(target, link)?;
            }
        }
    }
    Ok(())
}

/// What the system has in one of the folders; nothing if it has no such folder of its own.
fn programs(name: &str) -> io::Result<Vec<OsString>> {
    let folder = system(name);
    if !is_folder(&folder) {
        return Ok(Vec::new());
    }
    let entries = fs_err::read_dir(folder)?;
    entries.map(|entry| Ok(entry?.file_name())).collect()
}

/// Puts the folders that were made in `place`, and the program that serves the tools, into a room; images are attached in
/// the workspace.
pub(super) fn furnish(room: &mut Room, place: &Path, program: &Path, workspace: &Path) {
    room.read.push(("/usr".into(), SYSTEM.into()));
    room.read.push((program.to_owned(), PROGRAM.into()));
    for (name, _tools) in FOLDERS {
        // Nothing can be put where the system has nothing, or a link.
        if is_folder(&system(name)) {
            room.read.push((place.join(name), system(name)));
        }
    }
    room.variables
        .push((ATTACHED_IN.to_owned(), workspace.display().to_string()));
}

fn system(name: &str) -> PathBuf {
    Path::new("/usr").join(name)
}

fn is_folder(path: &Path) -> bool {
    path.symlink_metadata().is_ok_and(|found| found.is_dir())
}

/// Removes what a step left attached: contents of vendors' images may hold links that lead anywhere.
///
/// # Errors
/// If it cannot be removed.
pub(super) fn detach_all(workspace: &Path) -> io::Result<()> {
    removal::clear(&workspace.join(ATTACHED))
}
