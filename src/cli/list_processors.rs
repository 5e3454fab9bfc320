//! `list-processors`.

use clap::Args;

// `list-processors`
#[derive(Args, Debug)]
pub(crate) struct ListProcessors {
    /// Print one JSON object a processor, which says whether it runs here
    #[arg(long)]
    pub(crate) json: bool,
}
