//! A requirement as a tree.

/// What a requirement says.
///
/// Chains of `and` and of `or` are flat: `a and (b and c)` is one chain of three.
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
    CertificateDate(Slot, String, DateMatch),
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

/// How a value is to compare.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Match {
    /// It is not there.
    Absent,
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
}

/// How a time is to compare; times are seconds since 2001-01-01T00:00:00Z.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum DateMatch {
    /// There is none.
    Absent,
    /// After that moment.
    After(i64),
    /// Before it.
    Before(i64),
    /// There is one.
    Exists,
    /// At that moment.
    On(i64),
    /// At or after it.
    OnOrAfter(i64),
    /// At or before it.
    OnOrBefore(i64),
}

impl Expression {
    /// All of `terms`, chains in them made part of this one.
    pub(crate) fn all_of(terms: Vec<Self>) -> Self {
        flat(terms, Self::And, |term| match term {
            Self::And(inner) => Ok(inner),
            other => Err(other),
        })
    }

    /// One of `terms`, likewise.
    pub(crate) fn any_of(terms: Vec<Self>) -> Self {
        flat(terms, Self::Or, |term| match term {
            Self::Or(inner) => Ok(inner),
            other => Err(other),
        })
    }
}

fn flat(
    terms: Vec<Expression>,
    chain: fn(Vec<Expression>) -> Expression,
    open: fn(Expression) -> Result<Vec<Expression>, Expression>,
) -> Expression {
    let mut flat = Vec::new();
    for term in terms {
        match open(term) {
            Ok(inner) => flat.extend(inner),
            Err(term) => flat.push(term),
        }
    }
    match flat.pop() {
        Some(only) if flat.is_empty() => only,
        Some(last) => {
            flat.push(last);
            chain(flat)
        }
        None => Expression::Never,
    }
}
