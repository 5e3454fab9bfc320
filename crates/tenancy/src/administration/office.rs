//! What somebody is here for.

use std::{fmt, str::FromStr};

use model::UnknownWord;
use serde::Deserialize;

/// What somebody is here for, and so what they may do.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[serde(rename_all = "kebab-case")]
pub enum Office {
    /// Looks.
    Viewer,
    /// Runs titles and keeps schedules.
    Packager,
    /// Decides about what waits.
    Approver,
    /// Does everything, and says who else may do what.
    Administrator,
    /// Looks, also at what people did; changes nothing.
    Auditor,
}

/// Something that not everybody may do.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Permit {
    /// Look at titles, runs, incidents and tenants, without any secret.
    Look,
    /// Read the audit log.
    ReadAuditLog,
    /// Run titles, and change schedules.
    Run,
    /// Approve or refuse what waits, and take incidents.
    Decide,
    /// Change tenants, and see their secrets when they are made.
    ChangeTenants,
    /// See who may sign in or call, and how the house is set up.
    SeeHouse,
    /// Say who may sign in or call, and as what.
    ChangeUsers,
}

impl Office {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Viewer,
        Self::Packager,
        Self::Approver,
        Self::Administrator,
        Self::Auditor,
    ];

    /// The name used in tables, logs and JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Packager => "packager",
            Self::Approver => "approver",
            Self::Administrator => "administrator",
            Self::Auditor => "auditor",
        }
    }

    /// Whether who has it may do this.
    pub const fn may(self, permit: Permit) -> bool {
        match permit {
            Permit::Look => true,
            Permit::ReadAuditLog => matches!(self, Self::Auditor | Self::Administrator),
            Permit::Run => matches!(self, Self::Packager | Self::Administrator),
            Permit::Decide => matches!(self, Self::Approver | Self::Administrator),
            Permit::ChangeTenants | Permit::ChangeUsers => matches!(self, Self::Administrator),
            Permit::SeeHouse => matches!(self, Self::Auditor | Self::Administrator),
        }
    }
}

impl fmt::Display for Office {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Office {
    type Err = UnknownWord;

    fn from_str(word: &str) -> Result<Self, UnknownWord> {
        Self::ALL
            .into_iter()
            .find(|office| office.as_str() == word)
            .ok_or_else(|| UnknownWord {
                list: "role",
                word: word.to_owned(),
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_may_what() {
        let may = |permit| {
            let able = Office::ALL.into_iter().filter(|office| office.may(permit));
            able.map(Office::as_str).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(
            may(Permit::Look),
            "viewer packager approver administrator auditor"
        );
        assert_eq!(may(Permit::ReadAuditLog), "administrator auditor");
        assert_eq!(may(Permit::Run), "packager administrator");
        assert_eq!(may(Permit::Decide), "approver administrator");
        assert_eq!(may(Permit::ChangeTenants), "administrator");
        assert_eq!(may(Permit::SeeHouse), "administrator auditor");
        assert_eq!(may(Permit::ChangeUsers), "administrator");
        for office in Office::ALL {
            assert_eq!(office.as_str().parse(), Ok(office));
        }
        assert!("root".parse::<Office>().is_err());
    }
}
