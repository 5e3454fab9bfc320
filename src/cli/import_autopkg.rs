//! `import-autopkg`.

use std::path::PathBuf;

use clap::Args;

// `import-autopkg`
#[derive(Args, Debug)]
pub(crate) struct ImportAutopkg {
    /// The home folder, or a copy of it, of the Mac's user who runs `AutoPkg`; what lay in it is sought here [default: your own]
    #[arg(long, value_name = "FOLDER")]
    pub(crate) home: Option<PathBuf>,
    /// A list of recipes; may be given several times [default: those in their usual places]
    #[arg(short = 'l', long = "recipe-list", value_name = "FILE")]
    pub(crate) recipe_lists: Vec<PathBuf>,
    /// Load every processor of a recipe repository in its sandbox, as a run would, and tell whether that works
    #[arg(long)]
    pub(crate) load: bool,
    /// Write a configuration for this program with which it goes on
    #[arg(long, value_name = "FILE")]
    pub(crate) write: Option<PathBuf>,
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}
