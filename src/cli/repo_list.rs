//! `repo-list`.

use clap::Args;

// `repo-list`
#[derive(Args, Debug)]
pub(crate) struct RepoList {
    /// Print one JSON object a repository
    #[arg(long)]
    pub(crate) json: bool,
}
