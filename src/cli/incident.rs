//! `incident`.

use clap::{Args, Subcommand};
use model::IncidentId;

/// What to do with incidents.
#[derive(Debug, Subcommand)]
pub(crate) enum Incident {
    /// Take an incident, which stops its response clock
    Acknowledge(Acknowledge),
    /// Show who is told of incidents, and how that goes
    Connectors(Connectors),
    /// Make the deliveries that wait, due or not
    ///
    /// Exits with 1 if one was given up; what is only postponed is tried again by `serve` or the next call.
    Deliver(Deliver),
    /// List incidents, the most urgent first
    List(List),
    /// Resolve an incident by hand; the next good run of its title would do it otherwise
    Resolve(Resolve),
    /// Show an incident, its history, and what became of its deliveries
    Show(Show),
    /// Tell one connector of a test incident and of its end
    ///
    /// Past the outbox: what it answers is known at once. Exits with 1 if the desk does not take it.
    TestFire(TestFire),
}

/// `incident connectors`.
#[derive(Args, Debug)]
pub(crate) struct Connectors {
    /// Print a JSON object for each
    #[arg(long)]
    pub(crate) json: bool,
}

/// `incident test-fire`.
#[derive(Args, Debug)]
pub(crate) struct TestFire {
    /// The name of the connector in the configuration
    pub(crate) connector: String,
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

/// `incident acknowledge`.
#[derive(Args, Debug)]
pub(crate) struct Acknowledge {
    /// The incident
    #[arg(value_name = "INCIDENT")]
    pub(crate) id: IncidentId,
    /// Who takes it [default: the name of the user at this terminal]
    #[arg(long, value_name = "WHO")]
    pub(crate) by: Option<String>,
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

/// `incident deliver`.
#[derive(Args, Debug)]
pub(crate) struct Deliver {
    /// Also set going again what was given up, and desks that wanted to hear nothing any more
    #[arg(long)]
    pub(crate) failed: bool,
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

/// `incident list`.
#[derive(Args, Debug)]
pub(crate) struct List {
    /// Also those that are resolved
    #[arg(long)]
    pub(crate) all: bool,
    /// Print a JSON object for each
    #[arg(long)]
    pub(crate) json: bool,
}

/// `incident resolve`.
#[derive(Args, Debug)]
pub(crate) struct Resolve {
    /// The incident
    #[arg(value_name = "INCIDENT")]
    pub(crate) id: IncidentId,
    /// Why it is over
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: String,
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

/// `incident show`.
#[derive(Args, Debug)]
pub(crate) struct Show {
    /// The incident
    #[arg(value_name = "INCIDENT")]
    pub(crate) id: IncidentId,
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}
