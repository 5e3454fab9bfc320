//! `repo-add`.

use clap::Args;

// `repo-add`
#[derive(Args, Debug)]
pub(crate) struct RepoAdd {
    /// `recipes` (of the owner `autopkg` on GitHub), `OWNER/REPO` (on GitHub), `USER@HOST:PATH`, a URL or a path
    #[arg(required = true, value_name = "REPOSITORY")]
    pub(crate) repositories: Vec<String>,
    /// Print one JSON object a repository
    #[arg(long)]
    pub(crate) json: bool,
}
