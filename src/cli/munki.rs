//! `munki`.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use munki::{Compat, PkginfoOptions};

/// What Munki's own tools do.
#[derive(Debug, Subcommand)]
#[command(defer = true)]
pub(crate) enum Munki {
    /// Look a repository over, without changing it: what makecatalogs would say, and packages that are not what
    /// their pkginfos say
    Check(Check),
    /// Make the catalogs of a repository
    Makecatalogs(Makecatalogs),
    /// Print the pkginfo of a disk image or package
    #[command(after_help = makepkginfo_options())]
    Makepkginfo(Makepkginfo),
    /// Tell what software brings with it that a Mac gives power to: jobs of launchd, privileged helpers, extensions,
    /// files that run as their owner, installer scripts, entitlements; and what of it is new
    Payload(Payload),
    /// Put right what needs no decision: publications that a crash interrupted, and catalogs that are not made of
    /// the pkginfos; say what that would be, unless `--apply` is given
    Repair(Repair),
}

// `munki check`
#[derive(Args, Debug)]
pub(crate) struct Check {
    /// The repository's folder [default: the one that the configuration names]
    pub(crate) repo: Option<PathBuf>,
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

// `munki makecatalogs`
#[derive(Args, Debug)]
pub(crate) struct Makecatalogs {
    /// The repository's folder [default: the one that the configuration names]
    pub(crate) repo: Option<PathBuf>,
    /// Whose catalogs and messages, where Munki's versions differ: 6 or 7
    #[arg(long, default_value = "7", value_name = "VERSION")]
    pub(crate) compat: Compat,
    /// List items whose packages are missing, too
    #[arg(short, long)]
    pub(crate) force: bool,
    /// Do not look whether packages are there
    #[arg(short, long, visible_alias = "skip-package-check")]
    pub(crate) skip_pkg_check: bool,
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

// `munki payload`
#[derive(Args, Debug)]
pub(crate) struct Payload {
    /// The disk image, package or archive
    pub(crate) path: PathBuf,
    /// Only what this one, of another version, does not bring
    #[arg(long, value_name = "PATH")]
    pub(crate) since: Option<PathBuf>,
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

// `munki repair`
#[derive(Args, Debug)]
pub(crate) struct Repair {
    /// The repository's folder [default: the one that the configuration names]
    pub(crate) repo: Option<PathBuf>,
    /// Do it
    #[arg(long)]
    pub(crate) apply: bool,
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

// `munki makepkginfo`
#[derive(Args, Debug)]
pub(crate) struct Makepkginfo {
    /// The disk image or package, and Munki's options
    #[arg(
        value_name = "ITEM|OPTION",
        trailing_var_arg = true,
        allow_hyphen_values = true,
        num_args = 1..,
        required = true
    )]
    pub(crate) arguments: Vec<String>,
}

fn makepkginfo_options() -> String {
    format!("Munki's options:\n{}", PkginfoOptions::help())
}
