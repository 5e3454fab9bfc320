//! Where recipes are looked for.

use clap::Args;

// The folders of a search. Those given here replace those of the preferences.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct Folders {
    /// A folder of recipes; may be given several times, and replaces those of the preferences
    #[arg(short = 'd', long = "search-dir", value_name = "FOLDER")]
    pub(crate) search_dirs: Vec<String>,
    /// A folder of overrides; may be given several times, and replaces those of the preferences
    #[arg(long = "override-dir", value_name = "FOLDER")]
    pub(crate) override_dirs: Vec<String>,
}
