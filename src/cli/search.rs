//! `search`.

use clap::Args;

// `search`
#[derive(Args, Debug)]
pub(crate) struct Search {
    /// A part of a recipe's or an application's name
    pub(crate) term: String,
    /// Look at the paths of recipes only
    #[arg(short, long)]
    pub(crate) path_only: bool,
    /// Taken for `AutoPkg`'s sake: a token is used when there is one
    #[arg(short = 't', long, hide = true)]
    pub(crate) use_token: bool,
    /// Print one JSON object a recipe
    #[arg(long)]
    pub(crate) json: bool,
}
