//! `ring`.

use clap::{Args, Subcommand, builder::NonEmptyStringValueParser};
use model::RuleId;

/// What to do with the rings.
#[derive(Debug, Subcommand)]
#[command(defer = true)]
pub(crate) enum Ring {
    /// Tell what would come into which ring now
    Due(Due),
    /// End a rule
    End(End),
    /// Tell since when, and until when, versions were in catalogs, and why
    History(History),
    /// Keep an item, or one version of it, out of every further ring
    Hold(Hold),
    /// List items, the catalogs they are in, and since when
    List(List),
    /// Have rings offer one version, and no newer one
    Pin(Pin),
    /// Bring an item into the next ring, or everything that is due
    Promote(Promote),
    /// Take a version away at once, package and all, and never publish it again
    Recall(Recall),
    /// Take the newest version out of the rings, so that the one before is offered again, and hold it
    Rollback(Rollback),
    /// List the rules that hold
    Rules(Rules),
    /// Bring a version into every ring at once, as soon as it is published
    Urgent(Urgent),
}

// Who decides, and why.
#[derive(Args, Debug)]
pub(crate) struct Decision {
    /// Why; it stays on record
    #[arg(long, value_name = "TEXT", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) reason: String,
    /// Who decides [default: the name of the user at this terminal]
    #[arg(long, value_name = "WHO")]
    pub(crate) by: Option<String>,
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

// `ring due`
#[derive(Args, Debug)]
pub(crate) struct Due {
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

// `ring end`
#[derive(Args, Debug)]
pub(crate) struct End {
    /// The rule
    #[arg(value_name = "RULE")]
    pub(crate) id: RuleId,
    /// Who decides, and why.
    #[command(flatten)]
    pub(crate) decision: Decision,
}

// `ring history`
#[derive(Args, Debug)]
pub(crate) struct History {
    /// The item, by the name that Munki knows
    pub(crate) name: String,
    /// Of this version only
    #[arg(value_name = "VERSION")]
    pub(crate) version: Option<String>,
    /// Print a JSON object for each
    #[arg(long)]
    pub(crate) json: bool,
}

// `ring hold`
#[derive(Args, Debug)]
pub(crate) struct Hold {
    /// The item, by the name that Munki knows
    pub(crate) name: String,
    /// The version [default: every version]
    #[arg(value_name = "VERSION")]
    pub(crate) version: Option<String>,
    /// Out of this ring only
    #[arg(long, value_name = "CATALOG")]
    pub(crate) ring: Option<String>,
    /// Who decides, and why.
    #[command(flatten)]
    pub(crate) decision: Decision,
}

// `ring list`
#[derive(Args, Debug)]
pub(crate) struct List {
    /// These items only, by the name that Munki knows
    #[arg(value_name = "NAME")]
    pub(crate) names: Vec<String>,
    /// Print a JSON object for each
    #[arg(long)]
    pub(crate) json: bool,
}

// `ring pin`
#[derive(Args, Debug)]
pub(crate) struct Pin {
    /// The item, by the name that Munki knows
    pub(crate) name: String,
    /// The version
    #[arg(value_name = "VERSION")]
    pub(crate) version: String,
    /// In this ring only
    #[arg(long, value_name = "CATALOG")]
    pub(crate) ring: Option<String>,
    /// Who decides, and why.
    #[command(flatten)]
    pub(crate) decision: Decision,
}

// `ring promote`
#[derive(Args, Debug)]
pub(crate) struct Promote {
    /// The item, by the name that Munki knows [default: everything that is due]
    #[arg(requires = "reason")]
    pub(crate) name: Option<String>,
    /// The version [default: the newest]
    #[arg(value_name = "VERSION")]
    pub(crate) version: Option<String>,
    /// Into every ring up to this one [default: the next one]
    #[arg(long, value_name = "CATALOG", requires = "name")]
    pub(crate) to: Option<String>,
    /// Why; it stays on record
    #[arg(long, value_name = "TEXT", value_parser = NonEmptyStringValueParser::new(), requires = "name")]
    pub(crate) reason: Option<String>,
    /// Who decides [default: the name of the user at this terminal]
    #[arg(long, value_name = "WHO")]
    pub(crate) by: Option<String>,
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

// `ring recall`
#[derive(Args, Debug)]
pub(crate) struct Recall {
    /// The item, by the name that Munki knows
    pub(crate) name: String,
    /// The version
    #[arg(value_name = "VERSION")]
    pub(crate) version: String,
    /// Who decides, and why.
    #[command(flatten)]
    pub(crate) decision: Decision,
}

// `ring rollback`
#[derive(Args, Debug)]
pub(crate) struct Rollback {
    /// The item, by the name that Munki knows
    pub(crate) name: String,
    /// Back to this version [default: the one before the newest]
    #[arg(long, value_name = "VERSION")]
    pub(crate) to: Option<String>,
    /// In this ring only
    #[arg(long, value_name = "CATALOG")]
    pub(crate) ring: Option<String>,
    /// Who decides, and why.
    #[command(flatten)]
    pub(crate) decision: Decision,
}

// `ring rules`
#[derive(Args, Debug)]
pub(crate) struct Rules {
    /// Also those that have been ended
    #[arg(long)]
    pub(crate) all: bool,
    /// Print a JSON object for each
    #[arg(long)]
    pub(crate) json: bool,
}

// `ring urgent`
#[derive(Args, Debug)]
pub(crate) struct Urgent {
    /// The item, by the name that Munki knows
    pub(crate) name: String,
    /// The version
    #[arg(value_name = "VERSION")]
    pub(crate) version: String,
    /// Who decides, and why.
    #[command(flatten)]
    pub(crate) decision: Decision,
}
