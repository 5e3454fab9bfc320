//! `serve`: the service, until it is told to stop.

use anyhow::Context as _;
use daemon::{Commands, Keeping, Service};

use crate::{cli::serve::Serve, exit::ExitStatus, house::House};

/// Serves until SIGTERM or SIGINT; it says what it does in the log.
pub(crate) async fn run(arguments: Serve, house: &House) -> anyhow::Result<ExitStatus> {
    let mut config = house.config()?.serve.clone();
    config.listen = arguments.listen.unwrap_or(config.listen);
    config.workers = arguments.workers.unwrap_or(config.workers);
    // Before anything is opened, so that no signal ends the process in the middle of it.
    let commands = Commands::by_signals().context("signals cannot be watched")?;
    let engine = house.engine().await?;
    let service = Service {
        doors: daemon::open_doors(house.config()?, &engine)?,
        tenants: Keeping::new(house.config()?, engine.db()),
        engine,
        config,
    };
    daemon::serve(service, &commands).await?;
    Ok(ExitStatus::Done)
}
