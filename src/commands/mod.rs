//! What the verbs do, one file each.

mod administrator;
mod audit;
mod audit_log;
mod backup;
mod change;
mod client;
mod codesign;
mod config;
mod evidence;
mod holds;
mod identity;
mod import_autopkg;
mod incident;
mod info;
mod list_processors;
mod list_recipes;
mod lookup;
mod make_override;
mod media;
mod munki;
mod new_recipe;
mod password;
mod payload;
mod processor_info;
mod repo_add;
mod repo_delete;
mod repo_list;
mod repo_update;
mod resolved;
mod retention;
mod ring;
mod run;
mod runs;
mod scan;
mod schedule;
mod search;
mod serve;
mod tenant;
mod trust;
mod tuf;
mod update_trust_info;
mod verify_trust_info;
mod version;

pub(crate) use munki::makepkginfo;

use std::process::ExitCode;

use anyhow::Context as _;
use clap::Parser as _;

use crate::{
    cli::{Cli, Verb},
    exit::ExitStatus,
    house::House,
    logging,
    printer::Printer,
};

/// Reads the command line, does what it says, and tells how it went.
pub(crate) fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version are answers, everything else is wrong usage; a closed pipe is neither.
            error.print().unwrap_or_default();
            let wrong = error.use_stderr();
            return if wrong {
                ExitStatus::Usage
            } else {
                ExitStatus::Done
            }
            .into();
        }
    };
    let printer = Printer {
        verbosity: cli.global.verbose,
        quiet: cli.global.quiet,
    };
    match carry_out(cli, printer) {
        Ok(status) => status.into(),
        Err(error) => {
            printer.error(&error);
            ExitStatus::Failed.into()
        }
    }
}

fn carry_out(cli: Cli, printer: Printer) -> anyhow::Result<ExitStatus> {
    // Two TLS libraries are linked into some builds; without this choice rustls would refuse to pick one.
    rustls::crypto::aws_lc_rs::default_provider()
        .install_default()
        .unwrap_or_default();
    let _traces =
        logging::start(&cli).context("cannot send traces (`OTEL_…` of the environment)")?;
    let house = House::new(&cli.global);
    let status = dispatch(cli.verb, &house, printer);
    house.close();
    status
}

/// Does what waits for others. What does not is done without: threads cost as much as looking into a small image.
///
/// A verb does one thing after the other, on this thread, which also hears what others answer. What takes long and must
/// not be waited for has threads of its own.
fn wait_for(done: impl Future<Output = anyhow::Result<ExitStatus>>) -> anyhow::Result<ExitStatus> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?
        .block_on(done)
}

/// One line a verb.
fn dispatch(verb: Verb, house: &House, printer: Printer) -> anyhow::Result<ExitStatus> {
    match verb {
        Verb::Administrator(verb) => wait_for(administrator::run(verb, house, printer)),
        Verb::AuditLog(verb) => wait_for(audit_log::run(verb, house, printer)),
        Verb::Audit(verb) => audit::run(verb, house, printer),
        Verb::Change(verb) => wait_for(change::run(verb, house, printer)),
        Verb::Client(verb) => client::run(&verb, printer),
        Verb::Codesign(verb) => codesign::run(verb, printer),
        Verb::Config(verb) => config::run(&verb, house, printer),
        Verb::Evidence(verb) => evidence::run(&verb, house, printer),
        Verb::Backup(verb) => wait_for(backup::back_up(verb, house, printer)),
        Verb::Restore(verb) => wait_for(backup::restore(verb, house, printer)),
        Verb::Holds(verb) => wait_for(holds::run(verb, house, printer)),
        Verb::Identity(verb) => wait_for(identity::run(verb, house, printer)),
        Verb::ImportAutopkg(verb) => wait_for(import_autopkg::run(verb, house, printer)),
        Verb::Incident(verb) => wait_for(incident::run(verb, house, printer)),
        Verb::Info(verb) => info::run(&verb, house, printer),
        Verb::ListProcessors(verb) => list_processors::run(&verb, printer),
        Verb::ListRecipes(verb) => list_recipes::run(&verb, house, printer),
        Verb::MakeOverride(verb) => make_override::run(&verb, house, printer),
        Verb::Media(verb) => media::run(&verb, printer),
        Verb::Munki(verb) => munki::run(&verb, house, printer),
        Verb::NewRecipe(verb) => new_recipe::run(&verb, printer),
        Verb::ProcessorInfo(verb) => processor_info::run(&verb, house, printer),
        Verb::RepoAdd(verb) => repo_add::run(&verb, house, printer),
        Verb::RepoDelete(verb) => repo_delete::run(&verb, house, printer),
        Verb::RepoList(verb) => repo_list::run(&verb, house, printer),
        Verb::RepoUpdate(verb) => repo_update::run(&verb, house, printer),
        Verb::UpdateTrustInfo(verb) => update_trust_info::run(&verb, house, printer),
        Verb::VerifyTrustInfo(verb) => verify_trust_info::run(verb, house, printer),
        Verb::Retention(verb) => wait_for(retention::run(verb, house, printer)),
        Verb::Ring(verb) => wait_for(ring::run(verb, house, printer)),
        Verb::Run(arguments) => wait_for(run::run(arguments, house, printer)),
        Verb::Runs(verb) => wait_for(runs::run(verb, house, printer)),
        Verb::Scan(verb) => wait_for(scan::run(verb, house, printer)),
        Verb::Schedule(verb) => wait_for(schedule::run(verb, house, printer)),
        Verb::Search(verb) => wait_for(search::run(&verb, house, printer)),
        Verb::Serve(verb) => tokio::runtime::Runtime::new()?.block_on(serve::run(verb, house)),
        Verb::Tenant(verb) => wait_for(tenant::run(verb, house, printer)),
        Verb::Trust(verb) => wait_for(trust::run(verb, house, printer)),
        Verb::Tuf(verb) => tuf::run(verb, house, printer),
        Verb::Version => version::run(printer),
    }
}
