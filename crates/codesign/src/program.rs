//! Judges a program: every architecture of it.

use std::sync::Arc;

use wire::ReadAt;

use crate::{
    checks::Checks,
    code::{Blobs, Facts, Subject, judge},
    flaw::Flaw,
    macho::{Architecture, architectures},
    terms::Terms,
};

/// What a bundle adds to its main program.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Surroundings<'a> {
    pub(crate) info: &'a [u8],
    pub(crate) resources: Option<&'a [u8]>,
}

/// What the signatures of a piece of code say.
#[derive(Clone, Debug, Default)]
pub(crate) struct Judged {
    /// Per architecture its name and what its signature says, in file order; empty if it is not signed, or nothing
    /// of the signature could be read.
    pub(crate) signatures: Vec<(String, Facts)>,
    /// Whether there is no signature at all.
    pub(crate) is_unsigned: bool,
}

impl Judged {
    /// Code without a signature.
    pub(crate) const fn unsigned() -> Self {
        Self {
            signatures: Vec::new(),
            is_unsigned: true,
        }
    }

    /// What the signatures say, of the first architecture first.
    pub(crate) fn facts(&self) -> impl Iterator<Item = &Facts> {
        self.signatures.iter().map(|(_, facts)| facts)
    }
}

/// Judges the program in `source`, which is the main one of a bundle if it has surroundings.
pub(crate) fn judge_program(
    source: &Arc<dyn ReadAt>,
    surroundings: Option<Surroundings<'_>>,
    terms: Terms<'_>,
    checks: &mut Checks,
) -> Judged {
    let architectures = match architectures(source) {
        Ok(architectures) => architectures,
        Err(flaw) => {
            checks.fail("structure", flaw);
            return Judged::default();
        }
    };
    if architectures
        .iter()
        .all(|architecture| architecture.signature.is_none())
    {
        return Judged::unsigned();
    }
    let mut judged = Judged::default();
    for architecture in architectures {
        match judge_architecture(&architecture, surroundings, terms, checks) {
            Ok(Some(facts)) => judged.signatures.push((architecture.name, facts)),
            Ok(None) => {}
            Err(flaw) => checks.fail("structure", flaw.within(&architecture.name)),
        }
    }
    checks.note("structure", Ok(()));
    checks.note("architectures", agree(&judged));
    judged
}

fn judge_architecture(
    architecture: &Architecture,
    surroundings: Option<Surroundings<'_>>,
    terms: Terms<'_>,
    checks: &mut Checks,
) -> Result<Option<Facts>, Flaw> {
    let Some((code_limit, signature)) = &architecture.signature else {
        return Err(Flaw::new(
            "architecture-unsigned",
            "this architecture is not signed, others are",
        ));
    };
    let blobs = Blobs::parse(signature)?;
    let subject = Subject {
        code: architecture.image.as_ref(),
        code_limit: *code_limit,
        info: match surroundings {
            Some(surroundings) => Some(surroundings.info),
            None => architecture.info.as_deref(),
        },
        is_info_inside: surroundings.is_none(),
        resources: surroundings.and_then(|surroundings| surroundings.resources),
        rep_specific: None,
    };
    Ok(judge(&blobs, subject, terms, checks))
}

/// The architectures may have different identifiers, but one signer.
fn agree(judged: &Judged) -> Result<(), Flaw> {
    let mut all = judged.facts();
    let Some(first) = all.next() else {
        return Ok(());
    };
    for other in all {
        let leaf = |facts: &Facts| facts.chain.as_ref().and_then(|chain| chain.leaf().cloned());
        if other.team_id != first.team_id
            || leaf(other) != leaf(first)
            || other.is_ad_hoc() != first.is_ad_hoc()
        {
            return Err(Flaw::new(
                "architectures-disagree",
                "the architectures have different signers",
            ));
        }
    }
    Ok(())
}
