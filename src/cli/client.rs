//! `client`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

/// What to do for the client on Macs.
#[derive(Debug, Subcommand)]
#[command(defer = true)]
pub(crate) enum Client {
    /// Make the installer package of the client
    Package(Package),
}

// `client package`
#[derive(Args, Debug)]
pub(crate) struct Package {
    /// The client's program for Macs: `auto-update-client`, signed as you distribute programs
    #[arg(long, value_name = "PROGRAM")]
    pub(crate) client: PathBuf,
    /// Munki's installer package, to be installed before the client
    #[arg(long, value_name = "PKG")]
    pub(crate) munki: Option<PathBuf>,
    /// Notifier's installer package, to be installed before the client
    #[arg(long, value_name = "PKG")]
    pub(crate) notifier: Option<PathBuf>,
    /// Public keys (PEM) that sign evidence, for `verify` on the Mac
    #[arg(long, value_name = "PEM")]
    pub(crate) evidence_key: Option<PathBuf>,
    /// A root of the repository's update metadata, for `verify` on the Mac
    #[arg(long, value_name = "JSON")]
    pub(crate) update_root: Option<PathBuf>,
    /// Sign with the Developer ID Installer certificate and key in this file: PKCS #12, or PEM
    #[arg(long, value_name = "FILE")]
    pub(crate) sign_with: Option<PathBuf>,
    /// Read the password of that file from the first line of this one
    #[arg(long, value_name = "FILE", requires = "sign_with")]
    pub(crate) password_file: Option<PathBuf>,
    /// Put the certificates in this file (PEM, or one in DER) beside the signer's, up to Apple's root; may be repeated
    #[arg(long, value_name = "FILE", requires = "sign_with")]
    pub(crate) chain: Vec<PathBuf>,
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
    /// The package to make
    #[arg(value_name = "OUT")]
    pub(crate) out: PathBuf,
}
