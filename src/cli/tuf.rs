//! `tuf`.

use std::{num::NonZeroU64, path::PathBuf};

use clap::{Args, Subcommand};
use publication::tuf::Online;

/// What to do with update metadata.
#[derive(Debug, Subcommand)]
#[command(defer = true)]
pub(crate) enum Tuf {
    /// Take a root that enough keys have signed, and have everything signed anew that it changes
    AdoptRoot(AdoptRoot),
    /// Make the keys and the first root; or draft a first root that is signed by keys which are not here
    Init(Init),
    /// Write what the repository holds now, and sign anew what is about to expire; the service does so by itself
    Refresh(Refresh),
    /// Draft the next root, with new keys where that is asked for, and take it if the keys that are here are enough
    Rotate(Rotate),
    /// Tell which roles have signed what, and until when that holds
    Show(Show),
    /// Sign a root that was drafted, wherever its key is; say what it says
    ///
    /// Needs neither a configuration nor a network.
    SignRoot(SignRoot),
    /// Do what a client does: follow the roots, check signatures, versions and expiry, and hold every file that is
    /// named against its digest
    Verify(Verify),
}

// Which keys sign roots.
#[derive(Args, Debug)]
pub(crate) struct RootKeys {
    /// A file with the public key of one who signs roots from then on; may be given again
    #[arg(long = "root-key", value_name = "PUB")]
    pub(crate) public: Vec<PathBuf>,
    /// How many of them must sign
    #[arg(long, value_name = "NUMBER")]
    pub(crate) threshold: Option<NonZeroU64>,
    /// Write the draft to this file, and do not take it
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
}

// `tuf init`
#[derive(Args, Debug)]
pub(crate) struct Init {
    /// Who signs.
    #[command(flatten)]
    pub(crate) keys: RootKeys,
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

// `tuf rotate`
#[derive(Args, Debug)]
pub(crate) struct Rotate {
    /// Who signs.
    #[command(flatten)]
    pub(crate) keys: RootKeys,
    /// A role that gets a new key: `snapshot`, `targets` or `timestamp`; may be given again
    #[arg(long = "role", value_name = "ROLE")]
    pub(crate) roles: Vec<Online>,
    /// The key of the root that is here gets a successor
    #[arg(long)]
    pub(crate) root: bool,
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

// `tuf sign-root`
#[derive(Args, Debug)]
pub(crate) struct SignRoot {
    /// The root, which gets one signature more
    pub(crate) file: PathBuf,
    /// The private key, Ed25519 as PKCS #8 in PEM
    #[arg(long, value_name = "PRIVATE")]
    pub(crate) key: PathBuf,
    /// The root before it, if the key signs for that one only: a key that is being replaced
    #[arg(long, value_name = "FILE")]
    pub(crate) last: Option<PathBuf>,
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

// `tuf adopt-root`
#[derive(Args, Debug)]
pub(crate) struct AdoptRoot {
    /// The root
    pub(crate) file: PathBuf,
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

// `tuf refresh`
#[derive(Args, Debug)]
pub(crate) struct Refresh {
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

// `tuf show`
#[derive(Args, Debug)]
pub(crate) struct Show {
    /// Print the last root only, as clients are given it
    #[arg(long)]
    pub(crate) root: bool,
    /// Print one JSON object
    #[arg(long, conflicts_with = "root")]
    pub(crate) json: bool,
}

// `tuf verify`
#[derive(Args, Debug)]
pub(crate) struct Verify {
    /// The folder or the address of the repository
    pub(crate) repo: String,
    /// A root that is trusted, this one or any before it
    #[arg(long, value_name = "FILE")]
    pub(crate) root: PathBuf,
    /// A folder in which is remembered what was seen last, so that nothing older is believed the next time
    #[arg(long, value_name = "DIR")]
    pub(crate) state: Option<PathBuf>,
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}
