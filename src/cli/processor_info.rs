//! `processor-info`.

use clap::Args;

use super::folders::Folders;

// `processor-info`
#[derive(Args, Debug)]
pub(crate) struct ProcessorInfo {
    /// The name of a processor
    pub(crate) processor: String,
    /// The recipe that uses it, beside which its file may lie
    #[arg(short, long, value_name = "RECIPE")]
    pub(crate) recipe: Option<String>,
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
    /// Where to look.
    #[command(flatten)]
    pub(crate) folders: Folders,
}
