//! Tells NGINX: by the commands of the configuration.

use std::{process::Stdio, time::Duration};

use tokio::process::Command;

/// How long a command may take.
const PATIENCE: Duration = Duration::from_mins(1);

/// How much of what it says is told.
const TOLD: usize = 2_000;

/// Why a command did not do it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CommandError {
    /// It does not run.
    #[error("`{program}` cannot be run")]
    Run {
        /// The program.
        program: String,
        /// What the system says.
        source: std::io::Error,
    },
    /// It ended badly.
    #[error("`{program}` ended with {status}: {said}")]
    Ended {
        /// The program.
        program: String,
        /// How.
        status: std::process::ExitStatus,
        /// What it said last.
        said: String,
    },
    /// It did not end.
    #[error("`{program}` does not end")]
    Hangs {
        /// The program.
        program: String,
    },
}

/// Runs a command to its good end.
///
/// # Errors
/// If it has none.
///
/// # Cancellation
/// The command is killed.
pub(super) async fn run(command: &[String]) -> Result<(), CommandError> {
    let (program, arguments) = command
        .split_first()
        .map_or(("", &[][..]), |(program, rest)| (program.as_str(), rest));
    let failed = |source| CommandError::Run {
        program: program.to_owned(),
        source,
    };
    let child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(failed)?;
    let ended = tokio::time::timeout(PATIENCE, child.wait_with_output()).await;
    let output = ended.map_err(|_elapsed| CommandError::Hangs {
        program: program.to_owned(),
    })?;
    let output = output.map_err(failed)?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let last = said.len().saturating_sub(TOLD);
    let last = (last..=said.len()).find(|at| said.is_char_boundary(*at));
    let said = said.split_at(last.unwrap_or(0)).1.trim();
    Err(CommandError::Ended {
        program: program.to_owned(),
        status: output.status,
        said: said.replace('\n', "; "),
    })
}
