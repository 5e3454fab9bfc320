//! How things stand, without anything secret.

use std::fmt;

use serde::Serialize;

use crate::{
    Fault, Mac, credentials,
    log::Log,
    manifest::{List, Manifest},
    preferences::{Munki, Preferences, Profile},
    preflight, report,
    state::State,
};

/// How things stand.
#[derive(Clone, Debug, Serialize)]
pub struct Status {
    /// The shape of this.
    schema: u32,
    client: &'static str,
    customer_id: Option<String>,
    env_query: Option<String>,
    /// The code of what is wrong with the profile.
    profile: Option<&'static str>,
    repository_is_set: bool,
    credential_is_there: bool,
    installs: Vec<String>,
    uninstalls: Vec<String>,
    pending: usize,
    last_run: Option<String>,
    last_line: Option<String>,
}

/// Looks.
///
/// # Errors
/// [`Fault::NotRoot`], or that a file of Munki's is not safe to read.
pub fn of(mac: &Mac<'_>, log: &Log<'_>) -> Result<Status, Fault> {
    preflight::must_be_root(mac)?;
    let profile = Preferences::of_client(&mac.files).and_then(|all| Profile::of(&all));
    let munki = Munki::of(&Preferences::of_munki(&mac.files)?);
    let manifest = Manifest::read(&mac.files, &munki).ok();
    let names = |list: List| {
        let manifest = manifest.as_ref();
        manifest.map(|it| it.names(list)).unwrap_or_default()
    };
    let last_run = State::read(&mac.files).last_postflight;
    Ok(Status {
        schema: 1,
        client: env!("CARGO_PKG_VERSION"),
        customer_id: profile.as_ref().ok().map(|it| it.customer_id.clone()),
        env_query: profile.as_ref().ok().map(|it| it.env_query_url.clone()),
        profile: profile.as_ref().err().map(Fault::code),
        repository_is_set: munki.repository.is_some(),
        credential_is_there: credentials::are_there(&mac.files)?,
        installs: names(List::Installs),
        uninstalls: names(List::Uninstalls),
        pending: report::pending(&mac.files, &munki)?,
        last_run: last_run.map(|time| model::Timestamp::from(time).to_string()),
        last_line: log.last_line()?,
    })
}

impl Status {
    /// As JSON.
    pub fn to_json(&self) -> String {
        serde_json::to_string_pretty(self).unwrap_or_default()
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nothing = || "-".to_owned();
        let yes = |yes: bool| if yes { "yes" } else { "no" };
        let list = |names: &[String]| {
            if names.is_empty() {
                nothing()
            } else {
                names.join(", ")
            }
        };
        writeln!(f, "Client:      {}", self.client)?;
        match self.profile {
            Some(code) => writeln!(f, "Profile:     {code}")?,
            None => writeln!(f, "Profile:     in order")?,
        }
        let text = |text: &Option<String>| text.clone().unwrap_or_else(nothing);
        writeln!(f, "Customer:    {}", text(&self.customer_id))?;
        writeln!(f, "envQUERY:    {}", text(&self.env_query))?;
        writeln!(f, "Repository:  set: {}", yes(self.repository_is_set))?;
        writeln!(f, "Credential:  there: {}", yes(self.credential_is_there))?;
        writeln!(f, "To install:  {}", list(&self.installs))?;
        writeln!(f, "To remove:   {}", list(&self.uninstalls))?;
        writeln!(f, "Pending:     {}", self.pending)?;
        writeln!(f, "Last run:    {}", text(&self.last_run))?;
        writeln!(f, "Last line:   {}", text(&self.last_line))
    }
}
