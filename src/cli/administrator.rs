//! `administrator`.

use std::path::PathBuf;

use clap::{Args, Subcommand, builder::PossibleValuesParser};
use tenancy::administration::Office;

/// What to do with those who administer.
#[derive(Debug, Subcommand)]
#[command(defer = true)]
pub(crate) enum Administrator {
    /// Make somebody who may sign in, and show their one-time codes, once
    Add(Add),
    /// Say what somebody may do
    Appoint(Appoint),
    /// Give somebody other one-time codes, show them, once, and sign them out everywhere
    ChangeCodes(One),
    /// Give somebody another password, and sign them out everywhere
    ChangePassword(ChangePassword),
    /// Let nobody sign in as this one any more
    Disable(One),
    /// Let somebody sign in again who was locked out or disabled
    Enable(One),
    /// List those who may sign in, and those who came through the identity provider
    List(List),
    /// Sign somebody out everywhere
    SignOut(One),
    /// Make, list and take back the tokens that programs call the API with
    #[command(subcommand)]
    Token(Token),
}

/// What to do with the tokens that programs call the API with.
#[derive(Debug, Subcommand)]
#[command(defer = true)]
pub(crate) enum Token {
    /// Make a token and show it, once
    Add(AddToken),
    /// List the tokens that were made
    List(List),
    /// Take a token no more
    Revoke(One),
}

// `administrator token add`
#[derive(Args, Debug)]
pub(crate) struct AddToken {
    /// What it is called
    #[arg(value_name = "NAME")]
    pub(crate) name: String,
    /// What may be done with it
    #[arg(long, value_name = "ROLE", value_parser = roles())]
    pub(crate) role: String,
    /// For how many days it is taken [default: until it is revoked]
    #[arg(long, value_name = "DAYS", value_parser = clap::value_parser!(u64).range(1..=3650))]
    pub(crate) expires_days: Option<u64>,
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

// Where a new password is; never the password itself, which other users could see.
#[derive(Args, Debug)]
pub(crate) struct NewPassword {
    /// Take the first line of this file as the password; `-` is standard input [default: ask at the terminal]
    #[arg(long, value_name = "FILE")]
    pub(crate) password_file: Option<PathBuf>,
}

// `administrator add`
#[derive(Args, Debug)]
pub(crate) struct Add {
    /// The user ID
    #[arg(value_name = "NAME")]
    pub(crate) name: String,
    /// What they may do
    #[arg(long, value_name = "ROLE", default_value = "administrator", value_parser = roles())]
    pub(crate) role: String,
    #[command(flatten)]
    pub(crate) password: NewPassword,
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

// `administrator appoint`
#[derive(Args, Debug)]
pub(crate) struct Appoint {
    /// The user ID
    #[arg(value_name = "NAME")]
    pub(crate) name: String,
    /// What they may do
    #[arg(long, value_name = "ROLE", value_parser = roles())]
    pub(crate) role: String,
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

// `administrator change-codes`, `disable`, `enable` and `token revoke`
#[derive(Args, Debug)]
pub(crate) struct One {
    /// The user ID, or the token
    #[arg(value_name = "NAME")]
    pub(crate) name: String,
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

// `administrator change-password`
#[derive(Args, Debug)]
pub(crate) struct ChangePassword {
    /// The user ID
    #[arg(value_name = "NAME")]
    pub(crate) name: String,
    #[command(flatten)]
    pub(crate) password: NewPassword,
}

// `administrator list`
#[derive(Args, Debug)]
pub(crate) struct List {
    /// Print a JSON object for each
    #[arg(long)]
    pub(crate) json: bool,
}

fn roles() -> PossibleValuesParser {
    PossibleValuesParser::new(Office::ALL.map(Office::as_str))
}
