//! What came of looking, for people and for programs.

use std::fmt;

use serde::Serialize;

use crate::Fault;

/// What came of looking at one thing that is not refused.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Finding {
    /// It has no package; what it does stands in the catalog.
    NoPackage,
    /// There is nothing to hold it against: no key was installed, or the repository offers none of it to this tenant.
    NotOffered,
    /// It is what the service has published.
    Verified,
}

/// One thing.
#[derive(Clone, Debug, Serialize)]
struct Line {
    what: &'static str,
    name: String,
    /// None if it is refused.
    finding: Option<Finding>,
    code: Option<&'static str>,
    why: Option<String>,
}

/// Everything that was looked at.
#[derive(Clone, Debug, Serialize)]
pub struct Checked {
    schema: u32,
    checked: Vec<Line>,
}

impl Default for Checked {
    fn default() -> Self {
        Self {
            schema: 1,
            checked: Vec::new(),
        }
    }
}

impl Checked {
    /// Notes what came of looking.
    pub(super) fn add(&mut self, what: &'static str, name: &str, found: Result<Finding, Fault>) {
        let fault = found.as_ref().err();
        self.checked.push(Line {
            what,
            name: name.to_owned(),
            code: fault.map(Fault::code),
            why: fault.map(ToString::to_string),
            finding: found.ok(),
        });
    }

    /// That nothing was refused.
    ///
    /// # Errors
    /// [`Fault::NotVerified`].
    pub fn outcome(&self) -> Result<(), Fault> {
        let refused = self.checked.iter().filter(|line| line.finding.is_none());
        match refused.count() {
            0 => Ok(()),
            count => Err(Fault::NotVerified {
                count,
                all: self.checked.len(),
            }),
        }
    }

    /// As JSON.
    pub fn to_json(&self) -> String {
        serde_json::to_string_pretty(self).unwrap_or_default()
    }
}

impl fmt::Display for Checked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.checked.is_empty() {
            return writeln!(
                f,
                "Munki has fetched no catalog and is about to install nothing"
            );
        }
        for line in &self.checked {
            let Line { what, name, .. } = line;
            match line.finding {
                Some(Finding::NoPackage) => writeln!(f, "-        {what} {name}: no package")?,
                Some(Finding::NotOffered) => writeln!(f, "-        {what} {name}: not offered")?,
                Some(Finding::Verified) => writeln!(f, "verified {what} {name}")?,
                None => {
                    let code = line.code.unwrap_or_default();
                    let why = line.why.as_deref().unwrap_or_default();
                    writeln!(f, "REFUSED  {what} {name}: {code} {why}")?;
                }
            }
        }
        Ok(())
    }
}
