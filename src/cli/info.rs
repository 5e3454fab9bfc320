//! `info`.

use clap::Args;

use super::folders::Folders;

// `info`
#[derive(Args, Debug)]
pub(crate) struct Info {
    /// The name, identifier or path of a recipe or override; without one the preferences are shown
    #[arg(required_if_eq("resolve", "true"))]
    pub(crate) recipe: Option<String>,
    /// Print what the recipe becomes when it is put together with its parents
    #[arg(long)]
    pub(crate) resolve: bool,
    /// Taken for `AutoPkg`'s sake: GitHub is not searched, a missing repository is to be added by `repo-add`
    #[arg(short, long)]
    pub(crate) pull: bool,
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
    /// Where to look.
    #[command(flatten)]
    pub(crate) folders: Folders,
}
