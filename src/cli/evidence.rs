//! `evidence`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

/// What to do with evidence.
#[derive(Debug, Subcommand)]
#[command(defer = true)]
pub(crate) enum Evidence {
    /// Print the public key that evidence is verified with
    Key(Key),
    /// Show the log of publications
    Log(Log),
    /// Have a new key sign from now on; the old one signs that it does
    RotateKey(RotateKey),
    /// Show everything that the evidence of an item says
    Show(Show),
    /// Hold an item against the evidence of it, with the public key and nothing else
    ///
    /// Exits with 0 only if every statement is signed by a key that was given, is about this very file, and none is
    /// missing.
    Verify(Verify),
    /// Hold the log of publications against its own chain, its checkpoints and the public key
    VerifyLog(VerifyLog),
}

// `evidence key`
#[derive(Args, Debug)]
pub(crate) struct Key {
    /// Print the key only, as a file that others can read
    #[arg(long)]
    pub(crate) public: bool,
    /// Print those that have signed before, too
    #[arg(long)]
    pub(crate) all: bool,
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

// `evidence rotate-key`
#[derive(Args, Debug)]
pub(crate) struct RotateKey {
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

// What is to be held against evidence.
#[derive(Args, Debug)]
pub(crate) struct Item {
    /// A package or pkginfo in a repository, the file of its evidence, or any file with `--evidence`
    pub(crate) item: PathBuf,
    /// The file of evidence [default: the one that the repository around the item has]
    #[arg(long, value_name = "FILE")]
    pub(crate) evidence: Option<PathBuf>,
}

// `evidence show`
#[derive(Args, Debug)]
pub(crate) struct Show {
    /// What to look at.
    #[command(flatten)]
    pub(crate) item: Item,
    /// A file with public keys; may be given again [default: the keys of the configured house]
    #[arg(long = "key", value_name = "PUB")]
    pub(crate) keys: Vec<PathBuf>,
}

// `evidence verify`
#[derive(Args, Debug)]
pub(crate) struct Verify {
    /// What to verify.
    #[command(flatten)]
    pub(crate) item: Item,
    /// A file with public keys; may be given again
    #[arg(long = "key", value_name = "PUB", required = true)]
    pub(crate) keys: Vec<PathBuf>,
    /// The other files that the statements are about must be unchanged, too: the pkginfo, which administrators may edit
    #[arg(long)]
    pub(crate) strict: bool,
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

// `evidence log`
#[derive(Args, Debug)]
pub(crate) struct Log {
    /// The repository's folder [default: the one that the configuration names]
    pub(crate) repo: Option<PathBuf>,
    /// A file with public keys; may be given again [default: the keys of the configured house]
    #[arg(long = "key", value_name = "PUB")]
    pub(crate) keys: Vec<PathBuf>,
    /// Print one JSON object for each entry
    #[arg(long)]
    pub(crate) json: bool,
}

// `evidence verify-log`
#[derive(Args, Debug)]
pub(crate) struct VerifyLog {
    /// The repository's folder [default: the one that the configuration names]
    pub(crate) repo: Option<PathBuf>,
    /// A file with public keys, of which one has signed the first entry; may be given again
    #[arg(long = "key", value_name = "PUB", required = true)]
    pub(crate) keys: Vec<PathBuf>,
    /// A checkpoint that was kept elsewhere, which the log must hold as well; may be given again
    #[arg(long = "checkpoint", value_name = "FILE")]
    pub(crate) checkpoints: Vec<PathBuf>,
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}
