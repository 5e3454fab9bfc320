//! Sets of requirements: what signatures carry.

use std::fmt;

use wire::ParseError;

use super::{Requirement, RequirementError, binary, text};

/// What a requirement in a set is for (`SecRequirementType`).
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum RequirementKind {
    /// What the code's host must be: the interpreter of a script.
    Host,
    /// What code must be to run in it.
    Guest,
    /// What later versions of the code will be.
    Designated,
    /// What libraries must be that it loads.
    Library,
    /// What plug-ins must be that it loads.
    PlugIn,
}

impl RequirementKind {
    pub(super) const NAMES: [(&'static str, Self); 5] = [
        ("host", Self::Host),
        ("guest", Self::Guest),
        ("designated", Self::Designated),
        ("library", Self::Library),
        ("plugin", Self::PlugIn),
    ];

    pub(super) const fn number(self) -> u32 {
        match self {
            Self::Host => 1,
            Self::Guest => 2,
            Self::Designated => 3,
            Self::Library => 4,
            Self::PlugIn => 5,
        }
    }

    pub(super) fn from_number(number: u32) -> Option<Self> {
        let mut kinds = Self::NAMES.iter().map(|(_, kind)| *kind);
        kinds.find(|kind| kind.number() == number)
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Host => "host",
            Self::Guest => "guest",
            Self::Designated => "designated",
            Self::Library => "library",
            Self::PlugIn => "plugin",
        }
    }
}

/// Requirements for several purposes, at most one for each.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct RequirementSet {
    list: Vec<(RequirementKind, Requirement)>,
}

impl RequirementSet {
    /// Reads the text of a set: `designated => identifier a and anchor apple`.
    ///
    /// # Errors
    /// If the text is no set of requirements.
    pub fn parse(text: &str) -> Result<Self, RequirementError> {
        text::parse_set(text).map(Self::of)
    }

    /// Reads a set in the form in which signatures carry it.
    ///
    /// # Errors
    /// If the bytes are no set of requirements, or hold something that is not understood.
    pub fn from_binary(bytes: &[u8]) -> Result<Self, ParseError> {
        binary::set(bytes).map(Self::of)
    }

    /// The set in the form in which signatures carry it.
    pub fn to_binary(&self) -> Vec<u8> {
        let set = self.list.iter();
        binary::write_set(set.map(|(kind, requirement)| (*kind, requirement.expression())))
    }

    /// The requirement for one purpose.
    pub fn get(&self, kind: RequirementKind) -> Option<&Requirement> {
        let mut list = self.list.iter();
        list.find(|(own, _)| *own == kind)
            .map(|(_, requirement)| requirement)
    }

    fn of(list: Vec<(RequirementKind, super::Expression)>) -> Self {
        let list = list.into_iter();
        Self {
            list: list
                .map(|(kind, expression)| (kind, Requirement::new(expression)))
                .collect(),
        }
    }
}

/// As `codesign --display --requirements -` prints it.
impl fmt::Display for RequirementSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (kind, requirement)) in self.list.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{} => {requirement}", kind.name())?;
        }
        Ok(())
    }
}
