//! The password of encrypted media.

use std::path::PathBuf;

use clap::Args;

// Where the password of encrypted media is; never the password itself, which other users could see.
#[derive(Args, Debug)]
pub(crate) struct PasswordFile {
    /// Open encrypted disk images with the first line of this file; `-` is standard input
    #[arg(long, value_name = "FILE")]
    pub(crate) password_file: Option<PathBuf>,
}
