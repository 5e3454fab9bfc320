//! Whether a ticket is stapled to a thing, and is about that thing.

use crate::{
    Notarization, Revocations,
    checks::Checks,
    code::Facts,
    flaw::Flaw,
    program::Judged,
    ticket::{Hash, Ticket},
};

/// The name of the check.
pub(crate) const NAME: &str = "notarization-ticket";

/// Judges the ticket that is stapled to code.
pub(crate) fn of_code(
    ticket: Option<&[u8]>,
    judged: &Judged,
    revoked: &Revocations,
    checks: &mut Checks,
) -> Notarization {
    let hashes: Vec<Vec<Hash>> = judged.facts().map(hashes_of).collect();
    of(ticket, &hashes, revoked, checks)
}

/// Judges the ticket that is stapled to a thing. Of every part, one of its hashes must be in the ticket.
pub(crate) fn of(
    ticket: Option<&[u8]>,
    parts: &[Vec<Hash>],
    revoked: &Revocations,
    checks: &mut Checks,
) -> Notarization {
    let Some(bytes) = ticket else {
        checks.not_applicable(NAME);
        return Notarization::None;
    };
    let believed = Ticket::verify(bytes).and_then(|ticket| {
        let revoked = revoked.find(&ticket.chain, None);
        revoked.map_or(Ok(ticket), |detail| Err(Flaw::new("revoked", detail)))
    });
    let flaw = match believed {
        Err(flaw) => flaw,
        Ok(ticket) => {
            let covered = |hashes: &Vec<Hash>| hashes.iter().any(|hash| ticket.covers(hash));
            if !parts.is_empty() && parts.iter().all(covered) {
                checks.pass(NAME, format!("issued {}", ticket.issued_at));
                return Notarization::Stapled;
            }
            Flaw::new("ticket-of-another", "the ticket is about something else")
        }
    };
    checks.fail(NAME, flaw);
    Notarization::Mismatch
}

fn hashes_of(facts: &Facts) -> Vec<Hash> {
    facts
        .cdhashes
        .iter()
        .map(|(kind, hash)| (kind.number(), hash.clone()))
        .collect()
}
