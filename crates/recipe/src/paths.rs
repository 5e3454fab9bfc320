//! Paths as recipes write them.

use std::{
    io,
    path::{Component, Path, PathBuf},
};

/// `~` and `~/…` with the home folder put in; other users' homes are left alone.
pub fn expand_user(path: &str, home: Option<&Path>) -> PathBuf {
    match (path.strip_prefix('~'), home) {
        (Some(""), Some(home)) => home.to_owned(),
        (Some(rest), Some(home)) if rest.starts_with('/') => {
            home.join(rest.trim_start_matches('/'))
        }
        _ => PathBuf::from(path),
    }
}

/// `path` with the home folder written as `~`, as trust information records it.
pub fn compress_user(path: &Path, home: Option<&Path>) -> String {
    let shown = path.display().to_string();
    let Some(home) = home.filter(|home| home.parent().is_some()) else {
        return shown;
    };
    match path.strip_prefix(home) {
        Ok(rest) if rest.as_os_str().is_empty() => "~".to_owned(),
        Ok(rest) => format!("~/{}", rest.display()),
        Err(_) => shown,
    }
}

/// The path from the root, `.` and `..` taken out by name and without a look at links, as `os.path.abspath` does.
pub fn absolute(path: &Path) -> PathBuf {
    let mut absolute = if path.is_relative() {
        std::env::current_dir().unwrap_or_default()
    } else {
        PathBuf::new()
    };
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir => {
                absolute.pop();
            }
            component => absolute.push(component),
        }
    }
    absolute
}

/// The folder a file lies in, from the root.
pub(crate) fn folder_of(file: &Path) -> PathBuf {
    absolute(file.parent().unwrap_or(Path::new("")))
}

/// Replaces the file at `path` by `bytes` as one step.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    use io::Write as _;
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.tmp", std::process::id()));
    let beside = path.with_file_name(name);
    let written = fs_err::File::create(&beside)
        .and_then(|mut file| file.write_all(bytes).and_then(|()| file.sync_all()))
        .and_then(|()| fs_err::rename(&beside, path));
    if written.is_err() {
        // The first failure is the one to tell of.
        fs_err::remove_file(&beside).unwrap_or_default();
    }
    written
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_home_folder_is_abbreviated_but_not_its_namesakes() {
        let home = Some(Path::new("/home/ann"));
        assert_eq!(compress_user(Path::new("/home/ann"), home), "~");
        assert_eq!(compress_user(Path::new("/home/ann/a/b"), home), "~/a/b");
        assert_eq!(
            compress_user(Path::new("/home/anna/b"), home),
            "/home/anna/b"
        );
        assert_eq!(expand_user("~/a", home), Path::new("/home/ann/a"));
        assert_eq!(expand_user("~bob/a", home), Path::new("~bob/a"));
        assert_eq!(expand_user("~/a", None), Path::new("~/a"));
    }

    #[test]
    fn paths_are_made_absolute_by_name_only() {
        assert_eq!(absolute(Path::new("/a/./b/../c//d/")), Path::new("/a/c/d"));
        assert!(absolute(Path::new("x")).is_absolute());
    }
}
