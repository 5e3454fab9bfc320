//! `media`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::password::PasswordFile;

/// What to do with media. A path may go into containers as if they were folders: `App.dmg/App.app`.
#[derive(Debug, Subcommand)]
#[command(defer = true)]
pub(crate) enum Media {
    /// Write the contents of a file to standard output
    Cat(File),
    /// Copy a folder, or what is in a container, with modes, links and times
    Extract(Extract),
    /// Print the SHA-256 of files, as `sha256sum` does
    Hash(File),
    /// Write the decoded bytes of a disk image to standard output
    Image(File),
    /// Say what a file is made of: its layers, and what they hold
    Info(Info),
    /// List what is in a container or folder, everything below it included
    Ls(Ls),
}

// `media cat`, `media hash`, `media image`
#[derive(Args, Debug)]
pub(crate) struct File {
    /// Which file
    pub(crate) path: PathBuf,
    /// What opens encrypted images.
    #[command(flatten)]
    pub(crate) password: PasswordFile,
}

// `media extract`
#[derive(Args, Debug)]
pub(crate) struct Extract {
    /// A container, a folder or a file
    pub(crate) path: PathBuf,
    /// Where to copy it; what is in a container or folder is put into this one
    pub(crate) dest: PathBuf,
    /// Keep extended attributes, resource forks and Finder information, too
    #[arg(long)]
    pub(crate) xattrs: bool,
    /// What opens encrypted images.
    #[command(flatten)]
    pub(crate) password: PasswordFile,
}

// `media info`
#[derive(Args, Debug)]
pub(crate) struct Info {
    /// A container, a folder or a file
    pub(crate) path: PathBuf,
    /// Print a JSON object
    #[arg(long)]
    pub(crate) json: bool,
    /// Read everything, and compare it with every checksum
    #[arg(long)]
    pub(crate) verify: bool,
    /// What opens encrypted images.
    #[command(flatten)]
    pub(crate) password: PasswordFile,
}

// `media ls`
#[derive(Args, Debug)]
pub(crate) struct Ls {
    /// A container, a folder or a file
    pub(crate) path: PathBuf,
    /// Print path, kind, bytes, SHA-256 and link target, separated by tabs
    #[arg(long)]
    pub(crate) tsv: bool,
    /// Print one JSON object a line
    #[arg(long, conflicts_with = "tsv")]
    pub(crate) json: bool,
    /// Compute the SHA-256 of every file
    #[arg(long)]
    pub(crate) hash: bool,
    /// What opens encrypted images.
    #[command(flatten)]
    pub(crate) password: PasswordFile,
}
