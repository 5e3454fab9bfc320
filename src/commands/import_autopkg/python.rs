//! What the text of somebody's processor says that it needs. The program is read, and not run.

use std::path::Path;

use processors::works_within;
use recipe::{imported_modules, is_core_processor};

/// The modules that come with Python 3.11.
const STANDARD: &str = "__future__ abc argparse array ast asyncio atexit base64 bdb binascii bisect builtins bz2 calendar \
cgi cmath cmd code codecs collections colorsys compileall concurrent configparser contextlib contextvars copy copyreg \
csv ctypes curses dataclasses datetime dbm decimal difflib dis distutils doctest email encodings enum errno faulthandler \
fcntl filecmp fileinput fnmatch fractions ftplib functools gc getopt getpass gettext glob graphlib grp gzip hashlib heapq \
hmac html http imaplib imp importlib inspect io ipaddress itertools json keyword linecache locale logging lzma mailbox \
marshal math mimetypes mmap multiprocessing netrc ntpath numbers operator optparse os pathlib pickle pkgutil platform \
plistlib poplib posix posixpath pprint profile pty pwd py_compile queue quopri random re readline reprlib resource runpy \
sched secrets select selectors shelve shlex shutil signal site smtplib socket socketserver sqlite3 ssl stat statistics \
string stringprep struct subprocess sys sysconfig syslog tarfile tempfile termios textwrap threading time timeit token \
tokenize traceback tracemalloc types typing unicodedata unittest urllib uuid venv warnings wave weakref webbrowser \
xml xmlrpc zipfile zipimport zlib zoneinfo";
/// Modules that only macOS has.
const FRAMEWORKS: [&str; 12] = [
    "AppKit",
    "Cocoa",
    "CoreFoundation",
    "CoreServices",
    "Foundation",
    "LaunchServices",
    "OpenDirectory",
    "PyObjCTools",
    "Quartz",
    "Security",
    "SystemConfiguration",
    "objc",
];
/// The part of these that the host has.
const PREDICATES: &str = "from Foundation import NSPredicate";
/// Programs that only macOS has, and that the sandbox has no substitute for.
const TOOLS: [&str; 13] = [
    "iconutil",
    "lsbom",
    "mdls",
    "osascript",
    "otool",
    "pkgbuild",
    "productbuild",
    "productsign",
    "security",
    "sips",
    "softwareupdate",
    "stapler",
    "tccutil",
];
/// Modules of others that the host of processors has, or has enough of.
const GIVEN: [&str; 6] = [
    "autopkglib",
    "certifi",
    "looseversion",
    "packaging",
    "pkg_resources",
    "xattr",
];
/// Modules of Python's that only Windows has.
const WINDOWS: [&str; 3] = ["msilib", "msvcrt", "winreg"];
/// Core processors that are no steps, but have what others use.
const ABSTRACT: [&str; 2] = ["DmgMounter", "URLGetter"];
/// Words of programs that go on the network by themselves, and not by what the host has done for them.
const NETWORK: [&str; 5] = [
    "ftplib",
    "http.client.HTTP",
    "requests.",
    "smtplib",
    "socket.",
];

/// What may be missing when a processor runs in the sandbox.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) enum Doubt {
    /// It has a processor of AutoPkg's work for it that cannot be had from within another.
    Core(String),
    /// It imports what only macOS has.
    Framework(String),
    /// It imports what does not come with Python.
    Module(String),
    /// It uses the network by itself.
    Network,
    /// It calls a program that only macOS has.
    Tool(String),
    /// It imports what only Python on Windows has.
    Windows(String),
}

impl std::fmt::Display for Doubt {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Core(name) => write!(
                f,
                "it builds on AutoPkg's own {name}, which is no business of another processor here"
            ),
            Self::Framework(name) => write!(f, "it imports {name}, which only macOS has"),
            Self::Module(name) => write!(f, "it imports {name}, which does not come with Python"),
            Self::Network => write!(
                f,
                "it uses the network by itself, which the configuration must allow"
            ),
            Self::Tool(name) => write!(f, "it names the program {name}, which only macOS has"),
            Self::Windows(name) => write!(f, "it imports {name}, which only Windows has"),
        }
    }
}

impl Doubt {
    /// Whether there is no such doubt any more if the class can be loaded.
    pub(super) const fn is_of_loading(&self) -> bool {
        matches!(
            self,
            Self::Framework(_) | Self::Module(_) | Self::Windows(_)
        )
    }
}

/// What may be missing for the program at `path`.
pub(super) fn doubts(path: &Path) -> Vec<Doubt> {
    let Ok(bytes) = fs_err::read(path) else {
        return Vec::new();
    };
    let dir = path.parent().unwrap_or(Path::new(""));
    doubts_of(&String::from_utf8_lossy(&bytes), |module| {
        dir.join(format!("{module}.py")).is_file() || dir.join(module).is_dir()
    })
}

fn doubts_of(text: &str, is_beside: impl Fn(&str) -> bool) -> Vec<Doubt> {
    let mut doubts = Vec::new();
    let code = text
        .lines()
        .filter(|line| !line.trim_start().starts_with('#'));
    for line in code {
        if line.trim_end() == PREDICATES {
            continue;
        }
        // What is imported further in is mostly tried, with a way around it.
        if line.starts_with("import ") || line.starts_with("from ") {
            doubts.extend(imported_modules(line).filter_map(|name| of_import(name, &is_beside)));
        }
        if let Some(rest) = line.strip_prefix("from autopkglib") {
            doubts.extend(core_classes(rest).map(Doubt::Core));
        }
        for tool in TOOLS {
            if names_program(line, tool) {
                doubts.push(Doubt::Tool(tool.to_owned()));
            }
        }
        if NETWORK.iter().any(|word| line.contains(word)) {
            doubts.push(Doubt::Network);
        }
    }
    doubts.sort();
    doubts.dedup();
    doubts
}

fn of_import(name: &str, is_beside: impl Fn(&str) -> bool) -> Option<Doubt> {
    if FRAMEWORKS.contains(&name) {
        return Some(Doubt::Framework(name.to_owned()));
    }
    if WINDOWS.contains(&name) {
        return Some(Doubt::Windows(name.to_owned()));
    }
    let is_here = GIVEN.contains(&name)
        || name.starts_with('_')
        || STANDARD.split_whitespace().any(|standard| standard == name)
        || is_beside(name);
    (!is_here).then(|| Doubt::Module(name.to_owned()))
}

/// Processors of AutoPkg's in what follows `from autopkglib` that cannot work for others.
fn core_classes(rest: &str) -> impl Iterator<Item = String> {
    let words = rest.split(|letter: char| !letter.is_alphanumeric() && letter != '_');
    words
        .filter(|word| is_core_processor(word) && !ABSTRACT.contains(word) && !works_within(word))
        .map(str::to_owned)
}

/// Whether a line has the program as a whole text in quotes, or as the end of a path.
fn names_program(line: &str, tool: &str) -> bool {
    line.match_indices(tool).any(|(at, _)| {
        let before = line.get(..at).and_then(|text| text.chars().next_back());
        let behind = line.get(at.saturating_add(tool.len())..);
        let behind = behind.and_then(|text| text.chars().next());
        matches!(before, Some('/' | '"' | '\'')) && matches!(behind, Some('"' | '\'' | ' '))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_told_from_the_text() {
        let text = "#!/usr/local/autopkg/python\n# calls \"hdiutil\"\nimport os, plistlib, yaml\nimport xml.etree.ElementTree as ET\nfrom Foundation import NSData\nfrom helper import thing\nfrom autopkglib import Processor, ProcessorError, URLTextSearcher, MunkiImporter, URLGetter\nimport xattr\ntry:\n    import objc\nexcept ImportError:\n    pass\nsubprocess.call([\"/usr/bin/security\", '-x'])\nsubprocess.call('sips -s format png a', shell=True)\nself.output('the installer is there')\n";
        let doubts = doubts_of(text, |module| module == "helper");
        let doubts: Vec<String> = doubts.iter().map(ToString::to_string).collect();
        assert_eq!(
            doubts,
            [
                "it builds on AutoPkg's own MunkiImporter, which is no business of another processor here",
                "it imports Foundation, which only macOS has",
                "it imports yaml, which does not come with Python",
                "it names the program security, which only macOS has",
                "it names the program sips, which only macOS has",
            ]
        );
        assert_eq!(
            doubts_of("import socket\nsocket.create_connection(a)\n", |_| false),
            [Doubt::Network]
        );
        assert_eq!(doubts_of("import json\nprint('x')\n", |_| false), []);
    }
}
