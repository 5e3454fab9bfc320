//! `run`.

use std::path::PathBuf;

use clap::Args;
use model::FailureClass;

use super::{around::Around, folders::Folders};

// Which overrides to run, and how; names and flags are `AutoPkg`'s where it has them.
#[derive(Args, Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a flag of the command line"
)]
pub(crate) struct Run {
    /// Overrides or recipes, by name, identifier or path
    #[arg(value_name = "OVERRIDE")]
    pub(crate) names: Vec<String>,
    /// A file with more of them: a line each, or a property list with `recipes`
    #[arg(short = 'l', long, value_name = "FILE")]
    pub(crate) recipe_list: Option<PathBuf>,
    /// Set a variable, over everything else that sets it; may be given again
    #[arg(short, long = "key", value_name = "KEY=VALUE", value_parser = variable)]
    pub(crate) keys: Vec<(String, String)>,
    /// Stop at the last `EndOfCheckPhase`: look whether there is something new
    #[arg(short, long)]
    pub(crate) check: bool,
    /// Use this file in place of the download; for one override only
    #[arg(short, long, value_name = "FILE")]
    pub(crate) pkg: Option<PathBuf>,
    /// Processors to run before and after the recipe's own
    #[command(flatten)]
    pub(crate) around: Around,
    /// Carry the steps out although nobody vouches for them; nothing is published then
    #[arg(long)]
    pub(crate) ignore_parent_trust_verification_errors: bool,
    /// Let failures of this class pass, because somebody has looked: `re-release`, `scan-inconclusive`
    #[arg(long = "accept", value_name = "CLASS", value_parser = acceptable)]
    pub(crate) accepted: Vec<FailureClass>,
    /// Leave runs that wait for the scanner to the service, instead of waiting for them
    #[arg(long)]
    pub(crate) no_wait: bool,
    /// Write a property list with failures and results
    #[arg(long, value_name = "FILE")]
    pub(crate) report_plist: Option<PathBuf>,
    /// Where they are looked for
    #[command(flatten)]
    pub(crate) folders: Folders,
    /// Print one JSON object for each run
    #[arg(long)]
    pub(crate) json: bool,
}

fn variable(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        _ => Err(format!("`{text}` is not of the form KEY=VALUE")),
    }
}

/// Other classes are facts about the software or the house, which nobody can wave through.
fn acceptable(text: &str) -> Result<FailureClass, String> {
    match text.parse() {
        Ok(class @ (FailureClass::ReRelease | FailureClass::ScanInconclusive)) => Ok(class),
        _ => Err("only `re-release` and `scan-inconclusive` can be accepted".to_owned()),
    }
}
