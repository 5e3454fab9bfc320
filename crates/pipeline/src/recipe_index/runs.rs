//! How a recipe will run here.

use recipe::{Finding, Severity};

/// Errors of a recipe of which a run only warns.
const HARMLESS: [&str; 1] = ["misspelt-argument"];

/// How a recipe will run here.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Runs {
    /// It will not.
    Cannot,
    /// With native steps only.
    Native,
    /// With steps of recipe repositories in the sandbox.
    Sandbox,
}

impl Runs {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Native, Self::Sandbox, Self::Cannot];

    /// How a recipe will run of which an audit says this.
    pub fn of(findings: &[Finding]) -> Self {
        let is_foreign = |finding: &Finding| finding.rule.id == "community-processor";
        if findings.iter().any(Self::is_hindered_by) {
            Self::Cannot
        } else if findings.iter().any(is_foreign) {
            Self::Sandbox
        } else {
            Self::Native
        }
    }

    /// Whether a recipe cannot run because of this.
    pub fn is_hindered_by(finding: &Finding) -> bool {
        finding.severity == Severity::Error && !HARMLESS.contains(&finding.rule.id)
    }

    /// The name used in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Cannot => "cannot",
            Self::Native => "native",
            Self::Sandbox => "sandbox",
        }
    }
}
