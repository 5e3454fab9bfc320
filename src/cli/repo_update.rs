//! `repo-update`.

use clap::Args;

// `repo-update`
#[derive(Args, Debug)]
pub(crate) struct RepoUpdate {
    /// What was given to `repo-add`, the folder that `repo-list` shows, or `all`
    #[arg(required = true, value_name = "REPOSITORY")]
    pub(crate) repositories: Vec<String>,
    /// Print one JSON object a repository
    #[arg(long)]
    pub(crate) json: bool,
}
