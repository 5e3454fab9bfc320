//! `backup` and `restore`.

use std::path::PathBuf;

use clap::Args;

// `backup`
#[derive(Args, Debug)]
pub(crate) struct Backup {
    /// The file to write, a tar archive that only you can read: keys are in it
    pub(crate) file: PathBuf,
    /// Take the repository along, if it is a folder
    #[arg(long)]
    pub(crate) repository: bool,
}

// `restore`
#[derive(Args, Debug)]
pub(crate) struct Restore {
    /// A file that `backup` wrote
    pub(crate) file: PathBuf,
}
