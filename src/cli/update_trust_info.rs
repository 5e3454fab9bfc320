//! `update-trust-info`.

use clap::Args;

use super::folders::Folders;

// `update-trust-info`
#[derive(Args, Debug)]
pub(crate) struct UpdateTrustInfo {
    /// Names, identifiers or paths of overrides
    #[arg(required = true, value_name = "OVERRIDE")]
    pub(crate) overrides: Vec<String>,
    /// Print one JSON object an override
    #[arg(long)]
    pub(crate) json: bool,
    /// Where to look.
    #[command(flatten)]
    pub(crate) folders: Folders,
}
