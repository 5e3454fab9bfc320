//! `list-recipes`.

use clap::Args;

use super::folders::Folders;

// `list-recipes`
#[derive(Args, Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a flag of `AutoPkg`'s command line"
)]
pub(crate) struct ListRecipes {
    /// Print identifiers too
    #[arg(short = 'i', long)]
    pub(crate) with_identifiers: bool,
    /// Print paths too
    #[arg(short = 'p', long)]
    pub(crate) with_paths: bool,
    /// Print a property list with all that the recipes say
    #[arg(long, conflicts_with_all = ["with_identifiers", "with_paths", "json"])]
    pub(crate) plist: bool,
    /// Print one JSON object a recipe
    #[arg(long, conflicts_with_all = ["with_identifiers", "with_paths"])]
    pub(crate) json: bool,
    /// Print recipes too that an override of the same name stands for
    #[arg(short = 'a', long)]
    pub(crate) show_all: bool,
    /// Where to look.
    #[command(flatten)]
    pub(crate) folders: Folders,
}
