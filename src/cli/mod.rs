//! The command line: types only, one file a verb; their doc comments are the help.
//!
//! The structs of verbs have none of their own: it would take the place of what [`Verb`] says.

pub(crate) mod administrator;
pub(crate) mod around;
pub(crate) mod audit;
pub(crate) mod audit_log;
pub(crate) mod backup;
pub(crate) mod change;
pub(crate) mod client;
pub(crate) mod codesign;
pub(crate) mod config;
pub(crate) mod evidence;
pub(crate) mod folders;
pub(crate) mod holds;
pub(crate) mod identity;
pub(crate) mod import_autopkg;
pub(crate) mod incident;
pub(crate) mod info;
pub(crate) mod list_processors;
pub(crate) mod list_recipes;
pub(crate) mod make_override;
pub(crate) mod media;
pub(crate) mod munki;
pub(crate) mod new_recipe;
pub(crate) mod password;
pub(crate) mod processor_info;
pub(crate) mod repo_add;
pub(crate) mod repo_delete;
pub(crate) mod repo_list;
pub(crate) mod repo_update;
pub(crate) mod retention;
pub(crate) mod ring;
pub(crate) mod run;
pub(crate) mod runs;
pub(crate) mod scan;
pub(crate) mod schedule;
pub(crate) mod search;
pub(crate) mod serve;
pub(crate) mod tenant;
pub(crate) mod trust;
pub(crate) mod tuf;
pub(crate) mod update_trust_info;
pub(crate) mod verify_trust_info;

use std::path::PathBuf;

use clap::{ArgAction, Args, Parser, Subcommand};

/// A packaging pipeline for Mac software that runs on Linux.
#[derive(Debug, Parser)]
#[command(name = "auto-update", version, about, max_term_width = 100)]
#[command(infer_long_args = true)]
pub(crate) struct Cli {
    /// What holds for every verb.
    #[command(flatten)]
    pub(crate) global: Global,
    /// What to do.
    #[command(subcommand)]
    pub(crate) verb: Verb,
}

/// What holds for every verb; each may stand before or after it.
#[derive(Args, Clone, Debug)]
pub(crate) struct Global {
    /// Say more; up to four times
    #[arg(short, long, global = true, action = ArgAction::Count)]
    pub(crate) verbose: u8,
    /// Say nothing but results, warnings and errors
    #[arg(short, long, global = true)]
    pub(crate) quiet: bool,
    /// Configuration of this program [default: `auto-update.toml` in this folder, if there is one]
    #[arg(long, global = true, value_name = "FILE", env = "AUTO_UPDATE_CONFIG")]
    pub(crate) config: Option<PathBuf>,
    /// Preferences of `AutoPkg` to use, as a property list or JSON
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) prefs: Option<PathBuf>,
}

/// The verbs; those of `AutoPkg` keep its names and flags.
///
/// What each takes is put together when it is asked for (`defer`): all of it would be a sixth of what the program needs
/// to start.
#[derive(Debug, Subcommand)]
#[command(defer = true)]
pub(crate) enum Verb {
    /// Look after those who may sign in to the administration pages
    #[command(subcommand)]
    Administrator(administrator::Administrator),
    /// Say what to look at before recipes are trusted
    Audit(audit::Audit),
    /// See what people did
    #[command(subcommand)]
    AuditLog(audit_log::AuditLog),
    /// Write everything that cannot be had again into one file
    Backup(backup::Backup),
    /// See what was changed in the repository besides publications, and take it back
    #[command(subcommand)]
    Change(change::Change),
    /// Make the installer package of the client that Macs run
    #[command(subcommand)]
    Client(client::Client),
    /// Judge code signatures
    #[command(subcommand)]
    Codesign(codesign::Codesign),
    /// Look at the configuration
    #[command(subcommand)]
    Config(config::Config),
    /// Hold what was published against the evidence of it, offline
    #[command(subcommand)]
    Evidence(evidence::Evidence),
    /// See what waits for a person, and decide
    #[command(subcommand)]
    Holds(holds::Holds),
    /// See who signed the titles, and decide where that has changed
    #[command(subcommand)]
    Identity(identity::Identity),
    /// Tell how an existing set-up of `AutoPkg` will run here, and write a configuration for it
    ImportAutopkg(import_autopkg::ImportAutopkg),
    /// Look after incidents, and have desks told of them
    #[command(subcommand)]
    Incident(incident::Incident),
    /// Show what a recipe is, or the preferences
    Info(info::Info),
    /// List the processors that `AutoPkg` itself brings
    #[command(alias = "processor-list")]
    ListProcessors(list_processors::ListProcessors),
    /// List all recipes and overrides that can be found by name
    ListRecipes(list_recipes::ListRecipes),
    /// Make an override of a recipe, with trust information
    MakeOverride(make_override::MakeOverride),
    /// Look into disk images, packages and archives
    #[command(subcommand)]
    Media(media::Media),
    /// Make pkginfos and catalogs as Munki's own tools do, and look repositories over
    #[command(subcommand)]
    Munki(munki::Munki),
    /// Write a file to begin a recipe with
    NewRecipe(new_recipe::NewRecipe),
    /// Show what a processor reads and sets
    ProcessorInfo(processor_info::ProcessorInfo),
    /// Clone recipe repositories and search them for recipes
    RepoAdd(repo_add::RepoAdd),
    /// Remove recipe repositories
    RepoDelete(repo_delete::RepoDelete),
    /// List recipe repositories
    #[command(alias = "list-repos")]
    RepoList(repo_list::RepoList),
    /// Bring recipe repositories up to date
    RepoUpdate(repo_update::RepoUpdate),
    /// Record what the parents of overrides are now
    UpdateTrustInfo(update_trust_info::UpdateTrustInfo),
    /// Tell whether the parents of overrides are still what they were
    VerifyTrustInfo(verify_trust_info::VerifyTrustInfo),
    /// Take in what `backup` wrote, where nothing is yet
    Restore(backup::Restore),
    /// Remove versions that nobody needs any more
    #[command(subcommand)]
    Retention(retention::Retention),
    /// Bring versions into ring after ring, hold them, take them back
    #[command(subcommand)]
    Ring(ring::Ring),
    /// Run overrides: download, verify, scan, publish
    Run(run::Run),
    /// See what is in the queue and what became of it, add to it, stop runs
    #[command(subcommand)]
    Runs(runs::Runs),
    /// See what scanners say of files, and let it pass
    #[command(subcommand)]
    Scan(scan::Scan),
    /// Tell which overrides run when, and have them rest
    #[command(subcommand)]
    Schedule(schedule::Schedule),
    /// Search the recipes of AutoPkg's organisation on GitHub
    Search(search::Search),
    /// Serve: run overrides when they are due, until the process is told to stop
    Serve(serve::Serve),
    /// Look after the tenants whose Macs read the repository
    #[command(subcommand)]
    Tenant(tenant::Tenant),
    /// Approve what overrides reach, and see what has changed since
    #[command(subcommand)]
    Trust(trust::Trust),
    /// Keep the update metadata (TUF) of the repository, and verify it as clients do
    #[command(subcommand)]
    Tuf(tuf::Tuf),
    /// Print the version
    Version,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::Cli;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }
}
