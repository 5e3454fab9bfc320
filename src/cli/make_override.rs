//! `make-override`.

use clap::{Args, ValueEnum};

use super::folders::Folders;

// `make-override`
#[derive(Args, Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a flag of `AutoPkg`'s command line"
)]
pub(crate) struct MakeOverride {
    /// The name or identifier of a recipe
    pub(crate) recipe: String,
    /// The name of the override [default: the name of the recipe's file]
    #[arg(short, long, value_name = "NAME")]
    pub(crate) name: Option<String>,
    /// Replace an override of the same name
    #[arg(short, long)]
    pub(crate) force: bool,
    /// Taken for `AutoPkg`'s sake: GitHub is not searched, a missing repository is to be added by `repo-add`
    #[arg(short, long)]
    pub(crate) pull: bool,
    /// Make an override even of a deprecated recipe
    #[arg(long)]
    pub(crate) ignore_deprecation: bool,
    /// The form of the file [default: the preference `RECIPE_OVERRIDE_FORMAT`, else plist]
    #[arg(long, value_enum, ignore_case = true)]
    pub(crate) format: Option<OverrideFormat>,
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
    /// Where to look.
    #[command(flatten)]
    pub(crate) folders: Folders,
}

/// The forms of an override.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum OverrideFormat {
    /// A property list: `NAME.recipe`
    Plist,
    /// `NAME.recipe.yaml`
    Yaml,
}
