//! Who sits at the terminal.

use anyhow::Context as _;

/// The name that was given, or that of who sits at this terminal, as far as the environment tells; behind `sudo`, who
/// called it.
///
/// # Errors
/// If nobody is named.
pub(crate) fn named(given: Option<&str>) -> anyhow::Result<String> {
    let environment = || {
        ["SUDO_USER", "USER", "LOGNAME"]
            .into_iter()
            .find_map(std::env::var_os)
            .map(|name| name.to_string_lossy().into_owned())
    };
    given
        .map(str::to_owned)
        .or_else(environment)
        .filter(|name| !name.trim().is_empty())
        .context("nobody knows who you are; name somebody with `--by`")
}
