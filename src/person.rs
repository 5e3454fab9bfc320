//! Who sits at the terminal.

use anyhow::Context as _;

/// The name that was given, or that of who sits at this terminal, as far as the environment tells; behind `sudo`, who
/// called it.
///
/// # Errors
/// If nobody is named.
pub(crate) fn named(given: Option<&str>) -> anyhow::Result<String> {
    given
        .map(str::to_owned)
        .or_else(|| in_environment(&["SUDO_USER", "USER", "LOGNAME"]))
        .filter(|name| !name.trim().is_empty())
        .context("nobody knows who you are; name somebody with `--by`")
}

/// The user whom the program runs as, as the environment tells; `unknown` if it does not.
pub(crate) fn user() -> String {
    in_environment(&["USER", "LOGNAME"]).unwrap_or_else(|| "unknown".to_owned())
}

fn in_environment(variables: &[&str]) -> Option<String> {
    variables
        .iter()
        .find_map(std::env::var_os)
        .map(|name| name.to_string_lossy().into_owned())
}
