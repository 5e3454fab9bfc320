//! `tenant`.

use clap::{Args, Subcommand, builder::NonEmptyStringValueParser};

/// What to do with tenants.
#[derive(Debug, Subcommand)]
pub(crate) enum Tenant {
    /// Give a tenant another ring
    Assign(Assign),
    /// Make a tenant, and show its secrets, once
    Create(Create),
    /// Let a tenant go; its secrets are gone at once
    Delete(One),
    /// Say which items a tenant may have
    Entitle(Entitle),
    /// List tenants
    List(List),
    /// Let a tenant that was suspended read again
    Resume(One),
    /// Give a tenant a new user and password, and show them, once
    RotateCredential(Rotate),
    /// Seal the secrets of all tenants anew, with a new key
    RotateKey(RotateKey),
    /// Give a tenant a new token, and show it, once
    RotateToken(Rotate),
    /// Show a tenant, without its secrets
    Show(One),
    /// Let a tenant read nothing for the time being
    Suspend(One),
}

/// `tenant create`.
#[derive(Args, Debug)]
pub(crate) struct Create {
    /// The customer ID, by which the tenant is known outside
    #[arg(value_name = "CUSTOMER", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) customer: String,
    /// The catalog of its ring
    #[arg(long, value_name = "CATALOG")]
    pub(crate) ring: String,
    /// An item it may have, by the name that Munki knows; may be given again [default: all]
    #[arg(long = "item", value_name = "NAME")]
    pub(crate) items: Vec<String>,
    /// Who makes it [default: the name of the user at this terminal]
    #[arg(long, value_name = "WHO")]
    pub(crate) by: Option<String>,
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

/// `tenant show`, `suspend`, `resume` and `delete`.
#[derive(Args, Debug)]
pub(crate) struct One {
    /// The customer ID
    #[arg(value_name = "CUSTOMER")]
    pub(crate) customer: String,
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

/// `tenant assign`.
#[derive(Args, Debug)]
pub(crate) struct Assign {
    /// The customer ID
    #[arg(value_name = "CUSTOMER")]
    pub(crate) customer: String,
    /// The catalog of its new ring
    #[arg(long, value_name = "CATALOG")]
    pub(crate) ring: String,
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

/// `tenant entitle`.
#[derive(Args, Debug)]
pub(crate) struct Entitle {
    /// The customer ID
    #[arg(value_name = "CUSTOMER")]
    pub(crate) customer: String,
    /// An item it may have, by the name that Munki knows; may be given again
    #[arg(long = "item", value_name = "NAME", required_unless_present = "all")]
    pub(crate) items: Vec<String>,
    /// It may have everything
    #[arg(long, conflicts_with = "items")]
    pub(crate) all: bool,
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

/// `tenant list`.
#[derive(Args, Debug)]
pub(crate) struct List {
    /// Also those that are no more
    #[arg(long)]
    pub(crate) all: bool,
    /// Print a JSON object for each
    #[arg(long)]
    pub(crate) json: bool,
}

/// `tenant rotate-token` and `tenant rotate-credential`.
#[derive(Args, Debug)]
pub(crate) struct Rotate {
    /// The customer ID
    #[arg(value_name = "CUSTOMER")]
    pub(crate) customer: String,
    /// For how many hours the old one is taken still
    #[arg(long, value_name = "HOURS", default_value_t = 24)]
    pub(crate) overlap_hours: u32,
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

/// `tenant rotate-key`.
#[derive(Args, Debug)]
pub(crate) struct RotateKey {
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}
