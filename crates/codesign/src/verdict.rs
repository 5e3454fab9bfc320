//! Draws the conclusion from what was looked at.

use crate::{
    Check, Expression, Match, Notarization, Pins, Report, Requirement, Slot, Verdict,
    checks::Checks,
    code::Facts,
    flaw::Flaw,
    package::JudgedPackage,
    program::Judged,
    requirement::Context,
    x509::{Certificate, Chain},
};

const APP_STORE: &str = "1.2.840.113635.100.6.1.9";
const DEVELOPER_ID_APPLICATION: &str = "1.2.840.113635.100.6.1.13";
const DEVELOPER_ID_INSTALLER: &str = "1.2.840.113635.100.6.1.14";
/// The mark of the authority below which the certificates of the developer programmes lie.
const DEVELOPERS_AUTHORITY: &str = "1.2.840.113635.100.6.2.1";
const ORGANIZATION: &str = "2.5.4.10";
const DEVELOPER_ID_AUTHORITY: &str = "1.2.840.113635.100.6.2.6";

const CODE_SIGNING: &str = "1.3.6.1.5.5.7.3.3";
/// What Apple lets the keys of installer certificates sign: packages for the store, and for distribution outside it.
const PACKAGE_SIGNING: [&str; 2] = ["1.2.840.113635.100.4.9", "1.2.840.113635.100.4.13"];

/// What kind of thing was judged.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Kind {
    Code,
    Package,
}

/// The report on code whose signatures and surroundings have been looked at.
pub(crate) fn conclude(
    path: &str,
    judged: &Judged,
    notarization: Notarization,
    pins: &Pins,
    mut checks: Checks,
) -> Report {
    let has_ticket = notarization == Notarization::Stapled;
    judge_designated(judged, has_ticket, &mut checks);
    let first = judged.facts().next();
    let chain = first.and_then(|facts| facts.chain.as_ref());
    let verdict = match judged.is_unsigned {
        true if checks.first_failure().is_none() => Verdict::Unsigned,
        true => Verdict::Invalid,
        false => verdict(first.is_some(), chain, Kind::Code, &checks),
    };
    let requirement_met = pins
        .requirement
        .as_ref()
        .map(|requirement| judge_requirement(requirement, judged, has_ticket, &mut checks));
    let authorities = chain.map(Chain::authorities).unwrap_or_default();
    let authorities_met = judge_authorities(pins, &authorities, &mut checks);
    Report {
        schema: Report::SCHEMA,
        path: path.to_owned(),
        verdict,
        identifier: first.map(|facts| facts.identifier.clone()),
        team_id: first.and_then(|facts| facts.team_id.clone()),
        authorities,
        cdhash: first.and_then(Facts::cdhash).map(hex::encode),
        designated_requirement: designated(judged).map(|requirement| requirement.to_string()),
        requirement_met,
        authorities_met,
        notarization,
        signed_at: first.and_then(|facts| facts.signed_at),
        checks: checks.into_list(),
    }
}

/// The report on a package that has been looked at.
pub(crate) fn conclude_package(
    path: &str,
    judged: &JudgedPackage,
    pins: &Pins,
    mut checks: Checks,
) -> Report {
    let chain = judged.chain.as_ref();
    let verdict = if judged.is_unsigned {
        Verdict::Unsigned
    } else {
        verdict(chain.is_some(), chain, Kind::Package, &checks)
    };
    let requirement_met = pins.requirement.as_ref().map(|_| {
        let detail =
            "packages are recognised by the names of their certificates, not by a requirement";
        checks.fail(
            "requirement",
            Flaw::new("requirement-not-applicable", detail),
        );
        false
    });
    let authorities = chain.map(Chain::authorities).unwrap_or_default();
    let authorities_met = judge_authorities(pins, &authorities, &mut checks);
    Report {
        schema: Report::SCHEMA,
        path: path.to_owned(),
        verdict,
        identifier: None,
        team_id: chain
            .filter(|chain| chain.is_apples)
            .and_then(Chain::team_id),
        authorities,
        cdhash: None,
        designated_requirement: None,
        requirement_met,
        authorities_met,
        notarization: judged.notarization,
        signed_at: judged.signed_at,
        checks: checks.into_list(),
    }
}

/// The judgement in one word. `chain` is nothing if nobody signed.
fn verdict(is_read: bool, chain: Option<&Chain>, kind: Kind, checks: &Checks) -> Verdict {
    let leads_elsewhere = |check: &&Check| check.code == Some("chain-not-apples");
    let is_wrong_kind =
        chain.is_some_and(|chain| chain.is_apples && classify(chain, kind) == Verdict::WrongKind);
    // A certificate of the wrong kind says more of a signature than that it has expired since.
    let counts = |check: &&Check| {
        !(leads_elsewhere(check) || is_wrong_kind && check.code == Some("certificate-expired"))
    };
    if !is_read || checks.failures().any(|check| counts(&check)) {
        return Verdict::Invalid;
    }
    match chain {
        None => Verdict::AdHoc,
        Some(chain) if !chain.is_apples => Verdict::NotTrusted,
        Some(chain) => classify(chain, kind),
    }
}

fn classify(chain: &Chain, kind: Kind) -> Verdict {
    let leaf = |oid| chain.leaf().is_some_and(|leaf| leaf.has_extension(oid));
    let above = chain.certificates.get(1);
    let developer_id =
        above.is_some_and(|above: &Certificate| above.has_extension(DEVELOPER_ID_AUTHORITY));
    let (application, installer) = (leaf(DEVELOPER_ID_APPLICATION), leaf(DEVELOPER_ID_INSTALLER));
    match kind {
        Kind::Code if installer => Verdict::WrongKind,
        Kind::Code if developer_id && application => Verdict::DeveloperId,
        Kind::Code if leaf(APP_STORE) => Verdict::MacAppStore,
        Kind::Code if is_apples_code(chain) => Verdict::Apple,
        Kind::Package if application || leaf(APP_STORE) || may_sign(chain, &[CODE_SIGNING]) => {
            Verdict::WrongKind
        }
        Kind::Package if developer_id && installer => Verdict::DeveloperIdInstaller,
        Kind::Package if is_apples_package(chain) => Verdict::Apple,
        Kind::Package if !may_sign(chain, &PACKAGE_SIGNING) => Verdict::WrongKind,
        Kind::Code | Kind::Package => Verdict::Valid,
    }
}

fn is_apples_code(chain: &Chain) -> bool {
    chain
        .authorities()
        .get(1)
        .is_some_and(|name| name == "Apple Code Signing Certification Authority")
}

fn is_apples_package(chain: &Chain) -> bool {
    chain
        .authorities()
        .get(1)
        .is_some_and(|name| name == "Apple Software Update Certification Authority")
}

fn may_sign(chain: &Chain, purposes: &[&str]) -> bool {
    let usages = chain
        .leaf()
        .and_then(|leaf| leaf.extended_key_usage().ok().flatten());
    usages.is_some_and(|usages| {
        usages
            .iter()
            .any(|usage| purposes.contains(&usage.to_string().as_str()))
    })
}

/// The code must be what its own signer says later versions will be.
fn judge_designated(judged: &Judged, has_ticket: bool, checks: &mut Checks) {
    const NAME: &str = "designated-requirement";
    for (name, facts) in &judged.signatures {
        match &facts.designated {
            _ if facts.chain.is_none() && !facts.is_ad_hoc() => {
                checks.not_made(NAME, "nobody is known to have signed");
            }
            None => checks.not_applicable(NAME),
            Some(requirement) => match requirement.is_met_by(Context { facts, has_ticket }) {
                Ok(true) => checks.note(NAME, Ok(())),
                Ok(false) => {
                    let flaw = Flaw::new("designated-requirement-not-met", requirement.to_string());
                    checks.fail(NAME, flaw.within(name));
                }
                Err(undecided) => checks.not_made(NAME, &undecided.to_string()),
            },
        }
    }
}

/// Whether every architecture meets the pinned requirement. What cannot be decided is not met.
fn judge_requirement(
    requirement: &Requirement,
    judged: &Judged,
    has_ticket: bool,
    checks: &mut Checks,
) -> bool {
    const NAME: &str = "requirement";
    if judged.signatures.is_empty() {
        checks.fail(
            NAME,
            Flaw::new("requirement-not-met", "there is no signature to meet it"),
        );
        return false;
    }
    for (name, facts) in &judged.signatures {
        let flaw = match requirement.is_met_by(Context { facts, has_ticket }) {
            Ok(true) => continue,
            Ok(false) => Flaw::new("requirement-not-met", requirement.to_string()),
            Err(undecided) => Flaw::new("requirement-undecided", undecided.to_string()),
        };
        checks.fail(NAME, flaw.within(name));
        return false;
    }
    checks.note(NAME, Ok(()));
    true
}

/// Whether the names of the certificates are exactly the pinned ones.
fn judge_authorities(pins: &Pins, found: &[String], checks: &mut Checks) -> Option<bool> {
    if pins.authorities.is_empty() {
        return None;
    }
    let same = pins.authorities == found;
    checks.note(
        "authorities",
        if same {
            Ok(())
        } else {
            let (expected, found) = (pins.authorities.join(" -> "), found.join(" -> "));
            Err(Flaw::new(
                "authorities-differ",
                format!("expected {expected}, found {found}"),
            ))
        },
    );
    Some(same)
}

/// The requirement that stands for a signature: its own, or the one that macOS derives from it (`DRMaker` in Apple's
/// open Security sources).
fn designated(judged: &Judged) -> Option<Requirement> {
    let facts = judged.facts().next()?;
    if let Some(own) = &facts.designated {
        return Some(own.clone());
    }
    let Some(chain) = &facts.chain else {
        let hashes = judged.facts().filter_map(Facts::cdhash);
        let any = hashes.map(|hash| Expression::CodeDirectoryHash(hash.to_vec()));
        return facts
            .is_ad_hoc()
            .then(|| Requirement::new(Expression::any_of(any.collect())));
    };
    let mut terms = vec![Expression::Identifier(facts.identifier.clone())];
    terms.extend(anchor(chain)?);
    let whole = terms
        .into_iter()
        .rev()
        .reduce(|right, left| Expression::and(left, right))?;
    Some(Requirement::new(whole))
}

fn anchor(chain: &Chain) -> Option<Vec<Expression>> {
    let has =
        |slot, oid: &str| Expression::CertificateExtension(slot, oid.to_owned(), Match::Exists);
    let leaf_is = |key: &str, value| {
        Expression::CertificateField(Slot::LEAF, key.to_owned(), Match::Equal(value))
    };
    let [leaf, above, rest @ ..] = chain.certificates.as_slice() else {
        let root = chain.certificates.first()?;
        return Some(vec![Expression::CertificateHash(Slot::ROOT, root.sha1())]);
    };
    if !chain.is_apples {
        return Some(vec![organization(chain)?]);
    }
    Some(match rest {
        [_] if above.has_extension(DEVELOPERS_AUTHORITY) => vec![
            Expression::AnchorAppleGeneric,
            leaf_is("subject.CN", leaf.common_name()),
            has(Slot(1), DEVELOPERS_AUTHORITY),
        ],
        [_] if above.has_extension(DEVELOPER_ID_AUTHORITY) => vec![
            Expression::AnchorAppleGeneric,
            has(Slot(1), DEVELOPER_ID_AUTHORITY),
            has(Slot::LEAF, DEVELOPER_ID_APPLICATION),
            leaf_is("subject.OU", chain.team_id()?),
        ],
        _ => vec![Expression::AnchorApple],
    })
}

/// The highest certificate in a row that belongs to the signer's own organization.
fn organization(chain: &Chain) -> Option<Expression> {
    let own = chain.leaf()?.name(ORGANIZATION);
    let same = chain
        .certificates
        .iter()
        .take_while(|certificate| own.is_some() && certificate.name(ORGANIZATION) == own);
    let index = same.count().saturating_sub(1);
    let slot = if index > 0 && index.saturating_add(1) == chain.certificates.len() {
        Slot::ROOT
    } else {
        Slot(i32::try_from(index).ok()?)
    };
    let certificate = chain.certificates.get(index)?;
    Some(Expression::CertificateHash(slot, certificate.sha1()))
}
