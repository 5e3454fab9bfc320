//! `new-recipe`.

use std::path::PathBuf;

use clap::Args;

use super::make_override::OverrideFormat;

// `new-recipe`
#[derive(Args, Debug)]
pub(crate) struct NewRecipe {
    /// The file to write
    pub(crate) path: PathBuf,
    /// The recipe's identifier [default: `local.` and the file's name up to its first dot]
    #[arg(short, long)]
    pub(crate) identifier: Option<String>,
    /// The identifier of its parent
    #[arg(short, long, value_name = "IDENTIFIER")]
    pub(crate) parent_identifier: Option<String>,
    /// The form of the file [default: yaml if it is named `….recipe.yaml`, else plist]
    #[arg(long, value_enum, ignore_case = true)]
    pub(crate) format: Option<OverrideFormat>,
}
