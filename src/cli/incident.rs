//! `incident`.

use clap::{Args, Subcommand};
use model::{FailureClass, IncidentId};
use store::PauseReason;

/// What to do with incidents.
#[derive(Debug, Subcommand)]
#[command(defer = true)]
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
    /// Say when desks are not told of incidents
    #[command(subcommand)]
    Maintenance(Maintenance),
    /// Make an incident a part of another one, where its repeats count from then on
    Merge(Merge),
    /// Add a note to an incident, of which desks are told
    Note(Note),
    /// Stop the clocks of an incident, because it waits for somebody
    Pause(Pause),
    /// Open an incident again that is resolved
    Reopen(Reopen),
    /// Resolve an incident by hand; the next good run of its title would do it otherwise
    Resolve(Resolve),
    /// Let the clocks of an incident go on
    Resume(Resume),
    /// Show an incident, its history, and what became of its deliveries
    Show(Show),
    /// Tell one connector of a test incident and of its end
    ///
    /// Past the outbox: what it answers is known at once. Exits with 1 if the desk does not take it.
    TestFire(TestFire),
}

/// `incident maintenance`.
#[derive(Debug, Subcommand)]
#[command(defer = true)]
pub(crate) enum Maintenance {
    /// Make a time in which incidents are recorded, and desks are told of what is left at its end
    Add(AddMaintenance),
    /// End one now
    End(EndMaintenance),
    /// List those that are not over
    List(ListMaintenance),
}

// `incident maintenance add`
#[derive(Args, Debug)]
pub(crate) struct AddMaintenance {
    /// Its name
    pub(crate) name: String,
    /// Why
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: String,
    /// How long it lasts
    #[arg(long, value_name = "HOURS", value_parser = clap::value_parser!(u32).range(1..=8_760))]
    pub(crate) hours: u32,
    /// In how many hours it begins
    #[arg(long, value_name = "HOURS", default_value_t = 0, value_parser = clap::value_parser!(u32).range(0..=8_760))]
    pub(crate) in_hours: u32,
    /// Only these titles; `*` stands for anything
    #[arg(long = "title", value_name = "PATTERN")]
    pub(crate) titles: Vec<String>,
    /// Only these classes
    #[arg(long = "class", value_name = "CLASS")]
    pub(crate) classes: Vec<FailureClass>,
    /// Who makes it [default: the name of the user at this terminal]
    #[arg(long, value_name = "WHO")]
    pub(crate) by: Option<String>,
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

// `incident maintenance end`
#[derive(Args, Debug)]
pub(crate) struct EndMaintenance {
    /// Its name
    pub(crate) name: String,
}

// `incident maintenance list`
#[derive(Args, Debug)]
pub(crate) struct ListMaintenance {
    /// Print a JSON object for each
    #[arg(long)]
    pub(crate) json: bool,
}

// `incident merge`
#[derive(Args, Debug)]
pub(crate) struct Merge {
    /// The incident
    #[arg(value_name = "INCIDENT")]
    pub(crate) id: IncidentId,
    /// The incident that it becomes a part of
    #[arg(long, value_name = "INCIDENT")]
    pub(crate) into: IncidentId,
    /// Who says so [default: the name of the user at this terminal]
    #[arg(long, value_name = "WHO")]
    pub(crate) by: Option<String>,
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

// `incident note`
#[derive(Args, Debug)]
pub(crate) struct Note {
    /// The incident
    #[arg(value_name = "INCIDENT")]
    pub(crate) id: IncidentId,
    /// What to say about it
    pub(crate) text: String,
    /// Who says it [default: the name of the user at this terminal]
    #[arg(long, value_name = "WHO")]
    pub(crate) by: Option<String>,
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

// `incident pause`
#[derive(Args, Debug)]
pub(crate) struct Pause {
    /// The incident
    #[arg(value_name = "INCIDENT")]
    pub(crate) id: IncidentId,
    /// Whom it waits for: vendor, customer or other
    #[arg(long, value_name = "WHOM")]
    pub(crate) waits_for: PauseReason,
    /// More about it
    #[arg(long, value_name = "TEXT", default_value = "")]
    pub(crate) reason: String,
    /// Who says so [default: the name of the user at this terminal]
    #[arg(long, value_name = "WHO")]
    pub(crate) by: Option<String>,
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

// `incident reopen`
#[derive(Args, Debug)]
pub(crate) struct Reopen {
    /// The incident
    #[arg(value_name = "INCIDENT")]
    pub(crate) id: IncidentId,
    /// Why it is not over
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: String,
    /// Who says so [default: the name of the user at this terminal]
    #[arg(long, value_name = "WHO")]
    pub(crate) by: Option<String>,
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

// `incident resume`
#[derive(Args, Debug)]
pub(crate) struct Resume {
    /// The incident
    #[arg(value_name = "INCIDENT")]
    pub(crate) id: IncidentId,
    /// Who says so [default: the name of the user at this terminal]
    #[arg(long, value_name = "WHO")]
    pub(crate) by: Option<String>,
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

// `incident connectors`
#[derive(Args, Debug)]
pub(crate) struct Connectors {
    /// Print a JSON object for each
    #[arg(long)]
    pub(crate) json: bool,
}

// `incident test-fire`
#[derive(Args, Debug)]
pub(crate) struct TestFire {
    /// The name of the connector in the configuration
    pub(crate) connector: String,
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

// `incident acknowledge`
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

// `incident deliver`
#[derive(Args, Debug)]
pub(crate) struct Deliver {
    /// Also set going again what was given up, and desks that wanted to hear nothing any more
    #[arg(long)]
    pub(crate) failed: bool,
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

// `incident list`
#[derive(Args, Debug)]
pub(crate) struct List {
    /// Also those that are resolved
    #[arg(long)]
    pub(crate) all: bool,
    /// Print a JSON object for each
    #[arg(long)]
    pub(crate) json: bool,
}

// `incident resolve`
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

// `incident show`
#[derive(Args, Debug)]
pub(crate) struct Show {
    /// The incident
    #[arg(value_name = "INCIDENT")]
    pub(crate) id: IncidentId,
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}
