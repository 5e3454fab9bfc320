//! `codesign`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

/// What to do with code signatures.
#[derive(Debug, Subcommand)]
#[command(defer = true)]
pub(crate) enum Codesign {
    /// Judge the signature of a program, bundle, disk image or flat package
    ///
    /// Exits with 0 only if the signature is intact, leads to Apple, and everything that was pinned holds.
    Verify(Verify),
    /// Show what a signature says of its code, as `codesign --display` does
    ///
    /// Exits with 0 if there is a signature. Whether it is to be believed, `verify` says.
    Show(Show),
    /// Read a requirement, and print it as macOS does
    ///
    /// Exits with 1 if it is no requirement, and says where.
    Requirement(RequirementText),
}

// `codesign verify`
#[derive(Args, Debug)]
pub(crate) struct Verify {
    /// What to judge; the path may go into containers: `App.dmg/App.app`
    pub(crate) path: PathBuf,
    /// What the code must be, in Apple's requirement language
    #[arg(long, short = 'R', value_name = "REQUIREMENT")]
    pub(crate) requirement: Option<String>,
    /// The name of a certificate, the signer's first, the root last; to be given once for each
    #[arg(long = "authority", value_name = "NAME")]
    pub(crate) authorities: Vec<String>,
    /// A list of certificates and teams that are not believed any more
    #[arg(long, value_name = "FILE")]
    pub(crate) revoked: Option<PathBuf>,
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

// `codesign show`
#[derive(Args, Debug)]
pub(crate) struct Show {
    /// What to look at; the path may go into containers: `App.dmg/App.app`
    pub(crate) path: PathBuf,
    /// Print one JSON object, as `verify` does
    #[arg(long)]
    pub(crate) json: bool,
}

// `codesign requirement`
#[derive(Args, Debug)]
pub(crate) struct RequirementText {
    /// The requirement, or a set of them: `designated => …`
    #[arg(required_unless_present = "file", conflicts_with = "file")]
    pub(crate) text: Option<String>,
    /// Read it from a file instead, as text or in the binary form of `csreq`
    #[arg(long, value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,
    /// Write the binary form to this file instead of printing the text
    #[arg(long, value_name = "FILE")]
    pub(crate) binary: Option<PathBuf>,
}
