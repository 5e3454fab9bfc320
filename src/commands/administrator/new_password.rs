//! A new password: typed twice, or from a file.

use std::{
    io::{self, BufRead as _, BufReader, IsTerminal as _, Read},
    path::Path,
};

use anyhow::{Context as _, ensure};
use redact::Secret;

use crate::cli::administrator::NewPassword;

/// Longest password with its line, in bytes.
const LONGEST: u64 = 4096;

/// The password.
///
/// # Errors
/// If there is no file and no terminal, or what was typed is not twice the same.
pub(super) fn read(arguments: &NewPassword) -> anyhow::Result<Secret<String>> {
    let Some(path) = &arguments.password_file else {
        return typed();
    };
    let failed = || format!("cannot read the password in `{}`", path.display());
    let line = if path == Path::new("-") {
        first_line(io::stdin().lock())
    } else {
        fs_err::File::open(path).and_then(first_line)
    };
    Ok(Secret::new(line.with_context(failed)?))
}

fn typed() -> anyhow::Result<Secret<String>> {
    ensure!(
        io::stdin().is_terminal(),
        "there is no terminal to type a password at; name a file with `--password-file`, or `-` for standard input"
    );
    let first = Secret::new(rpassword::prompt_password("New password: ")?);
    let again = Secret::new(rpassword::prompt_password("Again: ")?);
    ensure!(
        first.expose() == again.expose(),
        "what was typed is not twice the same; nothing was changed"
    );
    Ok(first)
}

fn first_line(reader: impl Read) -> io::Result<String> {
    let mut line = String::new();
    BufReader::new(reader.take(LONGEST)).read_line(&mut line)?;
    Ok(line.trim_end_matches(['\r', '\n']).to_owned())
}
