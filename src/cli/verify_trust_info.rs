//! `verify-trust-info`.

use std::path::PathBuf;

use clap::Args;

use super::folders::Folders;

// `verify-trust-info`
#[derive(Args, Debug)]
pub(crate) struct VerifyTrustInfo {
    /// Names, identifiers or paths of overrides
    #[arg(required_unless_present = "recipe_list", value_name = "OVERRIDE")]
    pub(crate) overrides: Vec<String>,
    /// A list of overrides: a property list, or text with one a line
    #[arg(short = 'l', long, value_name = "FILE")]
    pub(crate) recipe_list: Option<PathBuf>,
    /// Print one JSON object an override
    #[arg(long)]
    pub(crate) json: bool,
    /// Where to look.
    #[command(flatten)]
    pub(crate) folders: Folders,
}
