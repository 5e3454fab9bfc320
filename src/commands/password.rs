//! The password of encrypted media.

use std::{
    io::{self, Read},
    path::Path,
};

use anyhow::{Context as _, ensure};
use media::{OpenOptions, Password};

use crate::cli::password::PasswordFile;

/// Longest password with its line, in bytes.
const LONGEST: u64 = 4096;

/// What media are opened with.
///
/// # Errors
/// If the file cannot be read, or holds no password.
pub(super) fn options(arguments: &PasswordFile) -> anyhow::Result<OpenOptions> {
    let Some(path) = &arguments.password_file else {
        return Ok(OpenOptions::default());
    };
    let failed = || format!("cannot read the password in `{}`", path.display());
    let line = if path == Path::new("-") {
        first_bytes(io::stdin().lock())
    } else {
        fs_err::File::open(path).and_then(first_bytes)
    };
    let line = line.with_context(failed)?;
    ensure!(
        !matches!(line.first(), None | Some(b'\n' | b'\r')),
        "there is no password in the first line of `{}`",
        path.display()
    );
    Ok(OpenOptions {
        password: Some(Password::from_line(line)),
    })
}

fn first_bytes(reader: impl Read) -> io::Result<Vec<u8>> {
    // All the room at once: growing would leave copies of the password behind.
    let mut bytes = Vec::with_capacity(8192);
    reader.take(LONGEST).read_to_end(&mut bytes)?;
    Ok(bytes)
}
