//! `repo-delete`.

use clap::Args;

// `repo-delete`
#[derive(Args, Debug)]
pub(crate) struct RepoDelete {
    /// What was given to `repo-add`, or the folder that `repo-list` shows
    #[arg(required = true, value_name = "REPOSITORY")]
    pub(crate) repositories: Vec<String>,
}
