//! Files that steps write where a recipe tells them to.

use std::{
    fs::File,
    io::{self, Write as _},
    os::unix::fs::FileTypeExt as _,
    path::Path,
};

use rustix::{
    fs::{CWD, Mode, OFlags, openat},
    io::Errno,
};

/// Makes the file at `path`, or empties the one that is there; links are followed.
///
/// # Errors
/// If it cannot be written, or a pipe lies there: whoever opens one to write waits until somebody reads, which may be
/// for ever.
pub(crate) fn create(path: &Path) -> io::Result<File> {
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::TRUNC | OFlags::CLOEXEC;
    // A pipe that nobody reads is refused at once then; a file is written as ever.
    let opened = openat(
        CWD,
        path,
        flags | OFlags::NONBLOCK,
        Mode::from_raw_mode(0o666),
    );
    let file = match opened {
        Ok(file) => File::from(file),
        Err(Errno::NXIO) => return Err(no_file()),
        Err(error) => return Err(error.into()),
    };
    // Somebody reads the pipe; devices, such as `/dev/null`, may be written.
    if file.metadata()?.file_type().is_fifo() {
        return Err(no_file());
    }
    Ok(file)
}

/// Writes `contents` to the file at `path`, in place of what is there.
///
/// # Errors
/// As [`create`].
pub(crate) fn write(path: impl AsRef<Path>, contents: impl AsRef<[u8]>) -> io::Result<()> {
    create(path.as_ref())?.write_all(contents.as_ref())
}

fn no_file() -> io::Error {
    io::Error::other("a pipe or socket lies there, and no file")
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use rustix::fs::mkfifoat;

    use super::*;

    #[test]
    fn a_file_is_made_or_written_anew_and_keeps_its_mode() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        write(&path, "a long text").unwrap();
        fs_err::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
        write(&path, "text").unwrap();
        assert_eq!(fs_err::read_to_string(&path).unwrap(), "text");
        let mode = fs_err::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o640);
        write("/dev/null", "text").unwrap();
        assert!(write(folder.path(), "text").is_err());
        let missing = write(folder.path().join("none/file"), "text").unwrap_err();
        assert_eq!(missing.kind(), io::ErrorKind::NotFound);
    }

    #[test]
    fn a_pipe_is_refused_whether_somebody_reads_it_or_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pipe");
        mkfifoat(CWD, &path, Mode::from_raw_mode(0o600)).unwrap();
        let unread = write(&path, "text").unwrap_err();
        assert!(unread.to_string().contains("pipe"), "{unread}");
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let _reader = openat(CWD, &path, flags, Mode::empty()).unwrap();
        let read = write(&path, "text").unwrap_err();
        assert!(read.to_string().contains("pipe"), "{read}");
    }
}
