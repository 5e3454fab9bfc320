//! The service: workers, scheduler, outbox, reconcilers and the web edge, from their start to their end.
//!
//! Whoever starts a task keeps its handle: no loop outlives [`serve`]. Each loop survives what goes wrong in it, waits
//! longer each time, and says so once.

mod cluster;
mod commands;
mod doors;
mod housekeeping;
mod nginx;
mod recipes;
mod report;
mod rings;
mod scheduler;
mod tenants;
mod trouble;
mod watch;
mod workers;

#[cfg(test)]
mod tests;

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use model::Clock;
use pipeline::{Engine, SchedulesError};
use tokio::{net::TcpListener, sync::Notify, task::JoinSet};
use tokio_util::sync::CancellationToken;
use web::{Vitals, Watched};

pub use self::{
    commands::Commands,
    doors::{DoorError, Doors, open_doors},
    tenants::Keeping,
};
use self::{scheduler::Scheduler, workers::Workers};
use crate::{Role, ServeConfig};

/// How long runs may take to be given back after their grace is over; then they are dropped where they are, as a
/// crash would.
const GIVING_BACK: Duration = Duration::from_secs(10);

/// How long the desks that are told of the last runs may take before the process ends; the rest waits in the outbox.
const LAST_WORDS: Duration = Duration::from_secs(5);

/// Why the service does not start, or ends.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServeError {
    /// The address cannot be listened on.
    #[error("cannot listen on {address} (`serve.listen` of the configuration)")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system says.
        source: io::Error,
    },
    /// A door for tenants cannot be listened at.
    #[error("cannot listen on {address} (`{section}.listen` of the configuration)")]
    Door {
        /// The section of the configuration.
        section: &'static str,
        /// The address.
        address: SocketAddr,
        /// What the system says.
        source: io::Error,
    },
    /// The schedules cannot be read.
    #[error("cannot read the schedules (`serve.schedules` of the configuration)")]
    Schedules(#[source] SchedulesError),
    /// The system tells nothing of signals.
    #[error("cannot wait for signals")]
    Signals(#[source] io::Error),
}

/// What the service is made of.
#[derive(Debug)]
pub struct Service {
    /// Carries runs out.
    pub engine: Engine,
    /// What it does.
    pub config: ServeConfig,
    /// The doors for tenants' Macs.
    pub doors: Doors,
    /// What is done for tenants again and again.
    pub tenants: Keeping,
}

/// Serves until `commands` say stop; runs under way are finished, or given back to the queue when their grace is over.
///
/// # Errors
/// If it cannot start.
///
/// # Cancellation
/// As a crash: what was under way is taken up again by the next start.
pub async fn serve(service: Service, commands: &Commands) -> Result<(), ServeError> {
    let Service {
        engine,
        config,
        doors,
        tenants,
    } = service;
    let clock = Arc::clone(engine.clock());
    let scheduler = begun_scheduler(&engine, &config).await?;
    let listener = listen(config.listen).await?;
    let doors = doors::listen(doors).await?;
    housekeeping::recover(&engine).await;

    let works = config.roles.contains(&Role::Worker);
    let workers = if works { config.workers.get() } else { 0 };
    let lease = Duration::from_secs(config.lease_seconds);
    let has_clock = scheduler.is_some();
    let vitals = Vitals::new(Arc::clone(&clock), workers.into(), has_clock, lease);
    let vitals = Arc::new(vitals);
    let (wake, end) = (Arc::new(Notify::new()), CancellationToken::new());
    let crew = Workers {
        engine: engine.clone(),
        vitals: Arc::clone(&vitals),
        wake: Arc::clone(&wake),
        stop: commands.stop.clone(),
        cancel: commands.hurry.clone(),
    };
    let signs = crew.signs(workers);
    let watched = Watched {
        db: engine.db().clone(),
        vitals: Arc::clone(&vitals),
    };
    let mut loops = JoinSet::new();
    loops.spawn(answer(listener, watched, end.clone()));
    doors::serve(&engine, doors, &mut loops, &end);
    take_part(&engine, &config, (&wake, &vitals), &mut loops, &end);
    if let Some(scheduler) = scheduler {
        loops.spawn(scheduler.run(scheduler::Scheduling {
            vitals: Arc::clone(&vitals),
            wake,
            reload: Arc::clone(&commands.reload),
            stop: commands.stop.clone(),
        }));
        let watch = watch::Watch {
            schedules: config.schedules.clone(),
            silence: Duration::from_secs(config.watchdog_hours.saturating_mul(3_600)),
            stale: Duration::from_secs(config.stale_days.saturating_mul(86_400)),
        };
        keep_house(&engine, clock, (watch, tenants), &mut loops, &end);
    }

    let working = crew.run(signs, Duration::from_secs(config.grace_seconds));
    Box::pin(work_until_stopped(working, commands, &vitals)).await;
    end.cancel();
    all_ended(&mut loops).await;
    last_words(&engine).await;
    engine.db().close().await;
    tracing::info!("stopped");
    Ok(())
}

/// Waits until every part has ended.
async fn all_ended(loops: &mut JoinSet<()>) {
    while let Some(ended) = loops.join_next().await {
        if let Err(error) = ended {
            tracing::error!(%error, "a part of the service failed");
        }
    }
}

/// The scheduler, if this service has one and its schedules can be read.
async fn begun_scheduler(
    engine: &Engine,
    config: &ServeConfig,
) -> Result<Option<Scheduler<Engine>>, ServeError> {
    if !config.roles.contains(&Role::Scheduler) {
        return Ok(None);
    }
    let clock = Arc::clone(engine.clock());
    let scheduler = Scheduler::new(engine.clone(), clock, &config.schedules);
    scheduler.check().await.map_err(ServeError::Schedules)?;
    Ok(Some(scheduler))
}

/// What every service does besides, until `end`.
fn take_part(
    engine: &Engine,
    config: &ServeConfig,
    (wake, vitals): (&Arc<Notify>, &Arc<Vitals>),
    loops: &mut JoinSet<()>,
    end: &CancellationToken,
) {
    loops.spawn(housekeeping::keep(engine.clone(), end.clone()));
    loops.spawn(tell_desks(engine.clone(), end.clone()));
    for name in engine.desk().webhooks() {
        loops.spawn(call_webhook(engine.clone(), name.to_owned(), end.clone()));
    }
    let hearing = cluster::hear(engine.clone(), Arc::clone(wake), end.clone());
    loops.spawn(hearing);
    let vitals = Arc::clone(vitals);
    let seen = cluster::be_seen(engine.clone(), config.clone(), vitals, end.clone());
    loops.spawn(seen);
}

/// What the service with the scheduler does besides, until `end`.
fn keep_house(
    engine: &Engine,
    clock: Arc<dyn Clock>,
    (watch, tenants): (watch::Watch, Keeping),
    loops: &mut JoinSet<()>,
    end: &CancellationToken,
) {
    loops.spawn(watch::keep(engine.clone(), clock, watch, end.clone()));
    loops.spawn(rings::keep(engine.clone(), end.clone()));
    loops.spawn(tenants::keep(tenants, end.clone()));
}

async fn listen(address: SocketAddr) -> Result<TcpListener, ServeError> {
    let failed = |source| ServeError::Listen { address, source };
    let listener = TcpListener::bind(address).await.map_err(failed)?;
    // The configuration may leave the port to the system.
    let address = listener.local_addr().map_err(failed)?;
    tracing::info!(%address, version = env!("CARGO_PKG_VERSION"), "serving");
    Ok(listener)
}

async fn work_until_stopped(
    working: impl Future<Output = ()>,
    commands: &Commands,
    vitals: &Vitals,
) {
    tokio::pin!(working);
    tokio::select! {
        () = &mut working => {}
        () = commands.stop.cancelled() => {
            vitals.stopping();
            tracing::info!("stopping: no run is taken up any more");
            working.await;
        }
    }
}

async fn answer(listener: TcpListener, watched: Watched, end: CancellationToken) {
    if let Err(error) = web::serve(listener, web::router(watched), end).await {
        tracing::error!(%error, "health and metrics are served no more");
    }
}

async fn tell_desks(engine: Engine, end: CancellationToken) {
    engine.desk().run(&end).await;
}

async fn call_webhook(engine: Engine, name: String, end: CancellationToken) {
    engine.desk().run_webhook(&name, &end).await;
}

/// Before the process ends, desks hear of the last runs, if they listen, and what this process alone has is given up.
async fn last_words(engine: &Engine) {
    match tokio::time::timeout(LAST_WORDS, engine.desk().deliver_due()).await {
        Ok(Ok(_tally)) => {}
        Ok(Err(error)) => {
            let error: &dyn std::error::Error = &error;
            tracing::error!(error, "the outbox failed");
        }
        Err(_elapsed) => tracing::warn!("deliveries are left in the outbox for the next start"),
    }
    engine.give_up_rights().await;
}
