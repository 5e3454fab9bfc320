//! A requirement as a tree.

/// What a requirement says.
///
/// Chains of `and` and of `or` are as deep as they were written: `a and b and c` is one chain of three, and
/// `a and (b and c)` one of two, of which the second is a chain itself. No chain begins with one of its own kind.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Expression {
    /// `always`.
    Always,
    /// All of several, at least two.
    And(Vec<Self>),
    /// `anchor apple`: signed by Apple itself.
    AnchorApple,
    /// `anchor apple generic`: the certificates lead to Apple.
    AnchorAppleGeneric,
    /// `anchor apple NAME`: a condition that the system knows by a name.
    AnchorAppleNamed(String),
    /// `anchor trusted`: every certificate is trusted by the system.
    AnchorTrusted,
    /// `certificate N[timestamp.OID] …`: a time that a certificate states.
    CertificateDate(Slot, String, Match),
    /// `certificate N[field.OID] …`: an extension of a certificate, by its object identifier in dotted form.
    CertificateExtension(Slot, String, Match),
    /// `certificate N[subject.OU] …`: a name in a certificate.
    CertificateField(Slot, String, Match),
    /// `certificate N = H"…"`: a certificate by its SHA-1.
    CertificateHash(Slot, Vec<u8>),
    /// `certificate N[policy.OID] …`: a policy of a certificate.
    CertificatePolicy(Slot, String, Match),
    /// `certificate N trusted`.
    CertificateTrusted(Slot),
    /// `cdhash H"…"`: exactly this code.
    CodeDirectoryHash(Vec<u8>),
    /// `entitlement[KEY] …`.
    Entitlement(String, Match),
    /// `identifier "…"`.
    Identifier(String),
    /// `info[KEY] …`: a value of the information property list.
    Info(String, Match),
    /// `legacy`: signed before notarization was asked for.
    Legacy,
    /// `(NAME)`: code that the system knows by a name.
    NamedCode(String),
    /// `never`.
    Never,
    /// `! …`.
    Not(Box<Self>),
    /// `notarized`.
    Notarized,
    /// One of several, at least two.
    Or(Vec<Self>),
    /// `platform = N`.
    Platform(i32),
}

/// Which certificate is meant: 0 is the signer's (`leaf`), 1 the one above; -1 is the `root`, -2 the one below.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Slot(pub i32);

impl Slot {
    /// The signer's own.
    pub const LEAF: Self = Self(0);
    /// The root.
    pub const ROOT: Self = Self(-1);
}

/// How a value is to compare; times are seconds since 2001-01-01T00:00:00Z.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Match {
    /// It is not there.
    Absent,
    /// It is a time after that one.
    After(i64),
    /// It is a time before that one.
    Before(i64),
    /// It begins with the text.
    BeginsWith(String),
    /// It has the text somewhere.
    Contains(String),
    /// It ends with the text.
    EndsWith(String),
    /// It is the text.
    Equal(String),
    /// It is there, and not false.
    Exists,
    /// It comes after the text, numbers compared as numbers.
    Greater(String),
    /// It is the text or comes after it.
    GreaterOrEqual(String),
    /// It comes before the text.
    Less(String),
    /// It is the text or comes before it.
    LessOrEqual(String),
    /// It is that time.
    On(i64),
    /// It is that time or one after it.
    OnOrAfter(i64),
    /// It is that time or one before it.
    OnOrBefore(i64),
}

impl Expression {
    /// `left and right`.
    pub fn and(left: Self, right: Self) -> Self {
        match left {
            Self::And(mut terms) => {
                terms.push(right);
                Self::And(terms)
            }
            left => Self::And(vec![left, right]),
        }
    }

    /// `left or right`.
    pub fn or(left: Self, right: Self) -> Self {
        match left {
            Self::Or(mut terms) => {
                terms.push(right);
                Self::Or(terms)
            }
            left => Self::Or(vec![left, right]),
        }
    }

    /// One of `terms`; never if there are none.
    pub(crate) fn any_of(terms: Vec<Self>) -> Self {
        terms.into_iter().reduce(Self::or).unwrap_or(Self::Never)
    }

    /// The same condition with chains in chains of their own kind made part of these, as it is when it is printed.
    pub(crate) fn flat(&self) -> Self {
        let mut flat = Vec::new();
        match self {
            Self::And(terms) => {
                for term in terms.iter().map(Self::flat) {
                    match term {
                        Self::And(inner) => flat.extend(inner),
                        other => flat.push(other),
                    }
                }
                Self::And(flat)
            }
            Self::Or(terms) => {
                for term in terms.iter().map(Self::flat) {
                    match term {
                        Self::Or(inner) => flat.extend(inner),
                        other => flat.push(other),
                    }
                }
                Self::Or(flat)
            }
            Self::Not(inner) => Self::Not(Box::new(inner.flat())),
            other => other.clone(),
        }
    }
}
