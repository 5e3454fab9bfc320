//! Processors around a recipe's own.

use clap::Args;

// Processors that `run` is given besides those of the recipe.
#[derive(Args, Debug)]
pub(crate) struct Around {
    /// A processor to run before the recipe's own; may be given again
    #[arg(long = "pre", visible_alias = "preprocessor", value_name = "PROCESSOR")]
    pub(crate) before: Vec<String>,
    /// A processor to run after the recipe's own; may be given again
    #[arg(
        long = "post",
        visible_alias = "postprocessor",
        value_name = "PROCESSOR"
    )]
    pub(crate) after: Vec<String>,
}
