//! Why a step ends before it is done, and what is said of it.

use std::{io, path::Path};

use model::FailureClass;
use sandbox::{Breach, Ended, SandboxError};

use crate::StepError;

/// Why a step ends before it is done.
pub(super) enum Stopped {
    /// It went over a limit.
    Breach(Breach),
    /// It says so itself.
    Failed { text: String, trace: String },
    /// Its process is gone.
    Gone(String),
    /// Its process says what no host says.
    Nonsense(String),
}

impl From<io::Error> for Stopped {
    fn from(error: io::Error) -> Self {
        Self::Gone(error.to_string())
    }
}

pub(super) fn unwritten(error: io::Error) -> StepError {
    StepError::new(
        FailureClass::Internal,
        "the host of community processors cannot be written to the temporary folder",
    )
    .with_next_step(
        "See that the folder in `TMPDIR` (`/tmp` if it is not set) can be written and is not full.",
    )
    .caused_by(error)
}

pub(super) fn no_scratch(workspace: &Path, error: io::Error) -> StepError {
    StepError::new(
        FailureClass::Internal,
        format!(
            "what processors see as `/tmp` cannot be made in `{}`",
            workspace.display()
        ),
    )
    .with_next_step(
        "See that the folder can be written by the service's user and that its disk is not full.",
    )
    .caused_by(error)
}

pub(super) fn no_sandbox(error: SandboxError) -> StepError {
    let next_step = match &error {
        SandboxError::Missing => {
            "Install bubblewrap (Debian and Ubuntu: `apt-get install bubblewrap`); without it no community processor is run."
        }
        SandboxError::Filter(_) => {
            "Community processors need a kernel with seccomp filters, on x86-64, aarch64 or riscv64; elsewhere use native \
             processors in their place."
        }
        _ => {
            "See what the system says; the service's user needs more files or processes if it says so."
        }
    };
    StepError::configuration(error.to_string())
        .with_next_step(next_step)
        .caused_by(error)
}

/// The process ended by itself, perhaps because its room could not be made.
pub(super) fn gone(name: &str, why: &str, ended: io::Result<Ended>) -> StepError {
    let ended = match ended {
        Ok(ended) => ended,
        Err(error) => {
            let text = format!("nobody can tell how the process of {name} ended: {why}");
            return StepError::new(FailureClass::Internal, text).caused_by(error);
        }
    };
    if let Some(refusal) = ended.refusal() {
        return StepError::configuration(format!("no sandbox could be made for {name}: {refusal}"))
            .with_next_step(
                "The sandbox needs user namespaces, and a `/proc` in which the service sees its own files; see \
                 `docs/security.md`, Community processors.",
            );
    }
    StepError::package(format!(
        "the process of {name} ended before its step did: {why}"
    ))
    .with_next_step(
        "Read what it wrote to its standard error; if that is nothing, the system may have ended it for lack of memory.",
    )
    .caused_by(ended.errors)
}

pub(super) fn nonsense(name: &str, what: &str) -> StepError {
    StepError::package(format!("the process of {name} was stopped: {what}")).with_next_step(
        "The processor writes to a stream that is not its own: read its source before it is run again.",
    )
}

pub(super) fn unended(name: &str) -> StepError {
    StepError::package(format!("the process of {name} did not end when its step was done"))
        .with_next_step(
            "A thread that the processor starts and never ends is the usual cause: read its source, and tell its author.",
        )
}

pub(super) fn broken(name: &str, breach: Breach) -> StepError {
    let class = match breach {
        Breach::Time { .. } => FailureClass::Timeout,
        _ => FailureClass::Configuration,
    };
    StepError::new(class, format!("{name} was stopped: {breach}")).with_next_step(
        "If the processor needs as much, raise the limit in the section `sandbox` of the configuration; if not, read its \
         source.",
    )
}
