//! `tenant`.

use std::path::PathBuf;

use clap::{Args, Subcommand, builder::NonEmptyStringValueParser};

/// What to do with tenants.
#[derive(Debug, Subcommand)]
#[command(defer = true)]
pub(crate) enum Tenant {
    /// Give a tenant another ring
    Assign(Assign),
    /// Give a tenant a code for its catalogue in the place of the one before, and show it, once
    CatalogueAccess(CatalogueAccess),
    /// List which of a tenant's Macs asked for its view
    CheckIns(CheckIns),
    /// Make a tenant, and show its secrets, once
    Create(Create),
    /// Let a tenant go; its secrets are gone at once
    Delete(One),
    /// Say which items a tenant may have
    Entitle(Entitle),
    /// Print the client's preferences as a schema for Jamf Pro
    JamfSchema,
    /// List tenants
    List(List),
    /// List a tenant's own manifests
    Manifests(One),
    /// Print what NGINX is told to serve views, say whether it has that, or tell it
    Nginx(Nginx),
    /// Print the pins of certificates, and warn if Macs would refuse all of them
    Pins(Pins),
    /// Write the configuration profile for a tenant's Macs; it holds the tenant's token
    Profile(Profile),
    /// Put a manifest into a tenant's view, instead of one of that name
    PutManifest(PutManifest),
    /// Take a manifest out of a tenant's view
    RemoveManifest(RemoveManifest),
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

// `tenant create`
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

// `tenant show`, `suspend`, `resume`, `delete` and `manifests`
#[derive(Args, Debug)]
pub(crate) struct One {
    /// The customer ID
    #[arg(value_name = "CUSTOMER")]
    pub(crate) customer: String,
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

// `tenant assign`
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

// `tenant entitle`
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

// `tenant catalogue-access`
#[derive(Args, Debug)]
pub(crate) struct CatalogueAccess {
    /// The customer ID
    #[arg(value_name = "CUSTOMER")]
    pub(crate) customer: String,
    /// Take its code from it instead; who is signed in with it is out at once, and its feeds are closed
    #[arg(long)]
    pub(crate) revoke: bool,
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

// `tenant list`
#[derive(Args, Debug)]
pub(crate) struct List {
    /// Also those that are no more
    #[arg(long)]
    pub(crate) all: bool,
    /// Print a JSON object for each
    #[arg(long)]
    pub(crate) json: bool,
}

// `tenant rotate-token` and `tenant rotate-credential`
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

// `tenant rotate-key`
#[derive(Args, Debug)]
pub(crate) struct RotateKey {
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

// `tenant check-ins`
#[derive(Args, Debug)]
pub(crate) struct CheckIns {
    /// The customer ID
    #[arg(value_name = "CUSTOMER")]
    pub(crate) customer: String,
    /// At most so many, the newest first
    #[arg(long, value_name = "NUMBER", default_value_t = 50)]
    pub(crate) limit: u32,
    /// Print a JSON object for each
    #[arg(long)]
    pub(crate) json: bool,
}

// `tenant pins`
#[derive(Args, Debug)]
pub(crate) struct Pins {
    /// A file with a certificate or a public key
    #[arg(value_name = "FILE", required = true)]
    pub(crate) files: Vec<PathBuf>,
    /// A pin that Macs know; may be given again [default: `envquery.pins` of the configuration]
    #[arg(long = "in-use", value_name = "PIN")]
    pub(crate) in_use: Vec<String>,
    /// Print a JSON object for each
    #[arg(long)]
    pub(crate) json: bool,
}

// `tenant put-manifest`
#[derive(Args, Debug)]
pub(crate) struct PutManifest {
    /// The customer ID
    #[arg(value_name = "CUSTOMER")]
    pub(crate) customer: String,
    /// What Macs know it by: `site_default`, a serial number …
    #[arg(value_name = "NAME")]
    pub(crate) name: String,
    /// The manifest
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
}

// `tenant remove-manifest`
#[derive(Args, Debug)]
pub(crate) struct RemoveManifest {
    /// The customer ID
    #[arg(value_name = "CUSTOMER")]
    pub(crate) customer: String,
    /// What Macs know it by
    #[arg(value_name = "NAME")]
    pub(crate) name: String,
}

// `tenant nginx`
#[derive(Args, Debug)]
pub(crate) struct Nginx {
    /// Say whether it has the configuration and the passwords that it is to have
    #[arg(long, conflicts_with = "write")]
    pub(crate) check: bool,
    /// Write everything that it serves, have its configuration tested, and loaded
    #[arg(long)]
    pub(crate) write: bool,
}

// `tenant profile`
#[derive(Args, Debug)]
pub(crate) struct Profile {
    /// The customer ID
    #[arg(value_name = "CUSTOMER")]
    pub(crate) customer: String,
    /// Write it to this file, which only you can read, instead of printing it
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    /// Sign it with the certificate in this file, and those above it, in PEM
    #[arg(long, value_name = "FILE", requires = "key")]
    pub(crate) sign_with: Option<PathBuf>,
    /// The certificate's private key, in PEM, which only you can read
    #[arg(long, value_name = "FILE", requires = "sign_with")]
    pub(crate) key: Option<PathBuf>,
    /// The reverse name under which devices know it
    #[arg(long, value_name = "NAME", default_value = "com.auto-update.profile")]
    pub(crate) identifier: String,
    /// Who gives it out, as users see it
    #[arg(long, value_name = "NAME", default_value = "Auto-Update")]
    pub(crate) organization: String,
}
