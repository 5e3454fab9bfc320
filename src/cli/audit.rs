//! `audit`.

use std::path::PathBuf;

use clap::Args;

use super::folders::Folders;

/// `audit`.
#[derive(Args, Debug)]
pub(crate) struct Audit {
    /// Names, identifiers or paths of recipes
    #[arg(required_unless_present_any = ["recipe_list", "resolve_all"], value_name = "RECIPE")]
    pub(crate) recipes: Vec<String>,
    /// A list of recipes: a property list, or text with one a line
    #[arg(short = 'l', long, value_name = "FILE")]
    pub(crate) recipe_list: Option<PathBuf>,
    /// Print a property list
    #[arg(short, long, conflicts_with = "json")]
    pub(crate) plist: bool,
    /// Print JSON, one object a line with `--resolve-all`
    #[arg(long)]
    pub(crate) json: bool,
    /// Put every recipe below this folder together with its parents; each folder in it is searched, in name order
    #[arg(long, value_name = "ROOT", conflicts_with_all = ["recipes", "recipe_list", "search_dirs", "override_dirs"])]
    pub(crate) resolve_all: Option<PathBuf>,
    /// Where to look.
    #[command(flatten)]
    pub(crate) folders: Folders,
}
