//! Holding a bundle against a file.

use model::Sha256;

use crate::{
    CONTENTS, Code, Envelope, KeyId, PublicKey, Refusal, Statement, bundle::named,
    envelope::LONGEST,
};

/// How many lines a bundle may have.
const MOST_LINES: usize = 256;

/// What came of holding a bundle against a file.
#[derive(Clone, Debug, PartialEq)]
pub struct Verdict {
    /// Each line, in order.
    pub lines: Vec<Line>,
    /// What is wrong with the bundle as a whole.
    pub refusals: Vec<Refusal>,
}

/// What came of one line of a bundle.
#[derive(Clone, Debug, PartialEq)]
pub enum Line {
    /// It is signed by a trusted key.
    Signed {
        /// What it says.
        statement: Statement,
        /// Which key has signed it.
        key: KeyId,
        /// Why it does not count all the same.
        refusal: Option<Refusal>,
        /// The digest of what was signed.
        payload: Sha256,
    },
    /// It does not count, and nothing of it is believed.
    Refused(Refusal),
}

impl Line {
    /// Why it does not count; nothing if it does.
    pub const fn refusal(&self) -> Option<&Refusal> {
        match self {
            Self::Signed { refusal, .. } => refusal.as_ref(),
            Self::Refused(refusal) => Some(refusal),
        }
    }

    /// What a trusted key has signed.
    pub const fn statement(&self) -> Option<&Statement> {
        match self {
            Self::Signed { statement, .. } => Some(statement),
            Self::Refused(_) => None,
        }
    }
}

impl Verdict {
    /// A verdict about evidence that is not there.
    pub fn none(why: impl Into<String>) -> Self {
        Self {
            lines: Vec::new(),
            refusals: vec![Refusal::new(Code::NoEvidence, why)],
        }
    }

    /// Whether every line counts and nothing is missing.
    pub fn is_valid(&self) -> bool {
        self.refusals.is_empty() && self.lines.iter().all(|line| line.refusal().is_none())
    }

    /// Adds another bundle's verdict: both must be good.
    pub fn and(&mut self, other: Self) {
        self.lines.extend(other.lines);
        self.refusals.extend(other.refusals);
    }
}

/// Holds every statement of the bundle in `bytes` against a file with this digest.
///
/// All must be signed by one of `keys` and be about the file, at this `place` in the repository if that is known:
/// otherwise an older release, or another package, could take its place together with its evidence. One must list what belongs to the bundle, and all that it
/// lists must be there. What predicates say, and whether their types are known, plays no part.
pub fn verify_bundle(
    bytes: &[u8],
    keys: &[PublicKey],
    item: Sha256,
    place: Option<&str>,
) -> Verdict {
    let mut verdict = Verdict {
        lines: Vec::new(),
        refusals: Vec::new(),
    };
    if bytes.len() > LARGEST_BUNDLE {
        let text = format!("a bundle of more than {LARGEST_BUNDLE} bytes");
        verdict.refusals.push(Refusal::new(Code::TooLarge, text));
        return verdict;
    }
    for (count, line) in lines(bytes).enumerate() {
        if count >= MOST_LINES {
            let text = format!("a bundle of more than {MOST_LINES} lines");
            verdict.refusals.push(Refusal::new(Code::TooMany, text));
            return verdict;
        }
        verdict.lines.push(judge(line, keys, item, place));
    }
    if verdict.lines.is_empty() {
        return Verdict::none("there is no statement in it");
    }
    verdict.refusals.extend(missing(&verdict.lines));
    verdict
}

/// The largest bundle that is read, in bytes.
pub const LARGEST_BUNDLE: usize = LONGEST.saturating_mul(4);

/// Lines with something in them.
fn lines(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    let all = bytes.split(|byte| *byte == b'\n');
    all.filter(|line| !line.trim_ascii().is_empty())
}

fn judge(line: &[u8], keys: &[PublicKey], item: Sha256, place: Option<&str>) -> Line {
    let opened = || {
        let verified = Envelope::parse(line)?.verify(keys)?;
        Ok((Statement::of(&verified)?, verified))
    };
    let (statement, verified) = match opened() {
        Ok(opened) => opened,
        Err(refusal) => return Line::Refused(refusal),
    };
    Line::Signed {
        refusal: objection(&statement, item, place),
        statement,
        key: verified.key,
        payload: Sha256::of(&verified.payload),
    }
}

/// Why a statement is not about the file.
fn objection(statement: &Statement, item: Sha256, place: Option<&str>) -> Option<Refusal> {
    let subjects = statement.subjects.iter();
    let mut same = subjects.filter(|subject| subject.sha256 == item).peekable();
    if same.peek().is_none() {
        let text = format!("the statement is about other files than the one with SHA-256 {item}");
        return Some(Refusal::new(Code::SubjectMismatch, text));
    }
    let place = place?;
    if same.any(|subject| subject.name == place) {
        return None;
    }
    let text = format!("the file was published, but not as `{place}`");
    Some(Refusal::new(Code::OtherPlace, text))
}

/// What lists of contents name and is not there, or that there is no list.
fn missing(lines: &[Line]) -> Vec<Refusal> {
    let incomplete = |text: String| Refusal::new(Code::Incomplete, text);
    let lists = lines.iter().filter_map(Line::statement);
    let mut lists = lists
        .filter(|statement| statement.predicate.kind == CONTENTS)
        .peekable();
    if lists.peek().is_none() {
        return vec![incomplete(
            "the statement that lists all others is missing".to_owned(),
        )];
    }
    let mut refusals = Vec::new();
    for list in lists {
        let Some(wanted) = named(&list.predicate.value) else {
            refusals.push(incomplete("a list of contents cannot be read".to_owned()));
            continue;
        };
        let is_there = |wanted: &Sha256| {
            lines
                .iter()
                .any(|line| matches!(line, Line::Signed { payload, .. } if payload == wanted))
        };
        let gone = wanted.iter().filter(|wanted| !is_there(wanted)).count();
        if gone > 0 {
            let text = format!("{gone} of {} statements are missing", wanted.len());
            refusals.push(incomplete(text));
        }
    }
    refusals
}
