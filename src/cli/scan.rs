//! `scan`.

use clap::{Args, Subcommand, builder::NonEmptyStringValueParser};
use model::Sha256;

/// What to do about what scanners say.
#[derive(Debug, Subcommand)]
#[command(defer = true)]
pub(crate) enum Scan {
    /// Take the waivers of a file back
    Revoke(Revoke),
    /// Show what scanners said of a file, and what people let pass
    Show(Show),
    /// Let what scanners say of a file pass for some time
    ///
    /// Without `--engine` doubts pass: too few answers, objections of a few engines, a file that is unknown or too
    /// large, a second scanner that is down. With it, the named engines are not counted, and what the others say holds.
    Waive(Waive),
    /// List waivers
    Waivers(Waivers),
}

// `scan revoke`
#[derive(Args, Debug)]
pub(crate) struct Revoke {
    /// The digest of the file
    #[arg(value_name = "SHA256")]
    pub(crate) sha256: Sha256,
    /// Who takes them back [default: the name of the user at this terminal]
    #[arg(long, value_name = "WHO")]
    pub(crate) by: Option<String>,
}

// `scan show`
#[derive(Args, Debug)]
pub(crate) struct Show {
    /// The digest of the file
    #[arg(value_name = "SHA256")]
    pub(crate) sha256: Sha256,
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

// `scan waive`
#[derive(Args, Debug)]
pub(crate) struct Waive {
    /// The digest of the file
    #[arg(value_name = "SHA256")]
    pub(crate) sha256: Sha256,
    /// Until when it holds: a day (UTC) or a moment, as `2027-01-31` or `2027-01-31T12:00:00Z`
    #[arg(long, value_name = "WHEN", value_parser = moment)]
    pub(crate) until: chrono::DateTime<chrono::Utc>,
    /// Why; it stays on record and is part of the evidence
    #[arg(long, value_name = "TEXT", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) reason: String,
    /// An engine that is not to be counted, as reports name it; `ClamAV` for the second scanner
    #[arg(long = "engine", value_name = "NAME")]
    pub(crate) engines: Vec<String>,
    /// Who decides [default: the name of the user at this terminal]
    #[arg(long, value_name = "WHO")]
    pub(crate) by: Option<String>,
}

// `scan waivers`
#[derive(Args, Debug)]
pub(crate) struct Waivers {
    /// Those that are over or were taken back, too
    #[arg(long)]
    pub(crate) all: bool,
    /// Print a JSON object for each
    #[arg(long)]
    pub(crate) json: bool,
}

fn moment(text: &str) -> Result<chrono::DateTime<chrono::Utc>, String> {
    let day = format!("{text}T00:00:00Z");
    let read = text.parse().or_else(|_| day.parse());
    read.map_err(|_no_moment| "neither a day nor a moment, such as `2027-01-31`".to_owned())
}
