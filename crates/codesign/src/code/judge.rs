//! Judges one signature.

use model::Timestamp;
use proplist::{Dict, Value};
use wire::ReadAt;

use super::{Blobs, CodeDirectory, Facts, cdhashes::cdhashes_are_signed, pages, slot};
use crate::{
    RequirementSet, Revocations,
    checks::Checks,
    cms::{SignedData, time_stamp},
    flaw::Flaw,
    terms::Terms,
    x509::{Chain, Purpose},
};

/// The check names of this file.
const DIRECTORIES: &str = "code-directories";
const CMS: &str = "cms-signature";
const CDHASHES: &str = "cdhash-attributes";

/// What a signature is about, beside its own parts.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Subject<'a> {
    pub(crate) code: &'a dyn ReadAt,
    /// How many bytes of the code must be hashed.
    pub(crate) code_limit: u64,
    /// The information property list: of the bundle, or of the program itself.
    pub(crate) info: Option<&'a [u8]>,
    /// Whether that lies in the code itself, whose pages protect it: then it need not be sealed once more, and does
    /// not count if it is not.
    pub(crate) is_info_inside: bool,
    /// The list of sealed resources.
    pub(crate) resources: Option<&'a [u8]>,
    /// What the kind of container adds: for a disk image, its trailer.
    pub(crate) rep_specific: Option<&'a [u8]>,
}

/// Judges the signature in `blobs` about `subject`, notes what came of each check, and gives what the signature says;
/// nothing if not even its code directories can be read.
pub(crate) fn judge(
    blobs: &Blobs<'_>,
    mut subject: Subject<'_>,
    terms: Terms<'_>,
    checks: &mut Checks,
) -> Option<Facts> {
    let directories = match directories(blobs) {
        Ok(directories) => directories,
        Err(flaw) => {
            checks.fail(DIRECTORIES, flaw);
            return None;
        }
    };
    let first = directories.first()?;
    let binds_info = |directory: &CodeDirectory<'_>| directory.special(slot::INFO).is_some();
    if subject.is_info_inside && !directories.iter().any(binds_info) {
        subject.info = None;
    }
    checks.note(DIRECTORIES, agree(&directories, subject.code_limit));
    checks.note("page-hashes", pages::verify(subject.code, &directories));
    checks.note("special-slots", special_slots(blobs, &directories, subject));
    let requirements = match requirements(blobs) {
        Ok(requirements) => requirements,
        Err(flaw) => {
            checks.fail("designated-requirement", flaw);
            None
        }
    };
    let entitlements = match blobs
        .payload(slot::ENTITLEMENTS)
        .map(dictionary)
        .transpose()
    {
        Ok(entitlements) => entitlements,
        Err(flaw) => {
            checks.fail("special-slots", flaw.within("entitlements"));
            None
        }
    };
    let mut facts = Facts {
        identifier: first.identifier.clone(),
        team_id: first.team_id.clone(),
        flags: first.flags,
        platform: first.platform,
        cdhashes: directories
            .iter()
            .map(|directory| (directory.hash, directory.cdhash()))
            .collect(),
        requirements,
        chain: None,
        signed_at: None,
        info: subject.info.and_then(|bytes| dictionary(bytes).ok()),
        entitlements,
    };
    judge_signer(blobs, &directories, &mut facts, terms, checks);
    Some(facts)
}

/// The directories, the one that is signed first.
fn directories<'a>(blobs: &Blobs<'a>) -> Result<Vec<CodeDirectory<'a>>, Flaw> {
    let Some(first) = blobs.get(slot::CODE_DIRECTORY) else {
        return Err(Flaw::new(
            "code-directory-missing",
            "the signature has no code directory",
        ));
    };
    let mut directories = vec![CodeDirectory::parse(first)?];
    for alternate in slot::ALTERNATE_CODE_DIRECTORIES.filter_map(|number| blobs.get(number)) {
        let directory = CodeDirectory::parse(alternate)?;
        if directories.iter().any(|other| other.hash == directory.hash) {
            return Err(Flaw::new(
                "code-directories-disagree",
                "two code directories with one kind of hash",
            ));
        }
        directories.push(directory);
    }
    Ok(directories)
}

/// Whether all directories say the same of the code, and cover all of it.
fn agree(directories: &[CodeDirectory<'_>], code_limit: u64) -> Result<(), Flaw> {
    let Some(first) = directories.first() else {
        return Ok(());
    };
    for directory in directories {
        if directory.code_limit != code_limit {
            let stated = directory.code_limit;
            return Err(Flaw::new(
                "code-limit-wrong",
                format!("{stated} bytes are hashed, {code_limit} ought to be"),
            ));
        }
        if (
            &directory.identifier,
            &directory.team_id,
            directory.flags,
            directory.platform,
        ) != (
            &first.identifier,
            &first.team_id,
            first.flags,
            first.platform,
        ) {
            return Err(Flaw::new(
                "code-directories-disagree",
                "the code directories name different identities",
            ));
        }
    }
    Ok(())
}

/// Whether everything beside the code is what the directories state, and nothing is there that they do not know.
fn special_slots(
    blobs: &Blobs<'_>,
    directories: &[CodeDirectory<'_>],
    subject: Subject<'_>,
) -> Result<(), Flaw> {
    let sealed = blobs
        .slots()
        .filter(|slot| (1..=slot::LAST_SEALED).contains(slot));
    let last = sealed.max().unwrap_or(0).max(
        directories
            .iter()
            .map(CodeDirectory::special_count)
            .max()
            .unwrap_or(0),
    );
    for directory in directories {
        for number in 1..=last.max(slot::REP_SPECIFIC) {
            let component = match number {
                slot::INFO => subject.info,
                slot::RESOURCES => subject.resources,
                slot::REP_SPECIFIC => subject.rep_specific,
                other => blobs.get(other),
            };
            match (component, directory.special(number)) {
                (None, None) => {}
                (None, Some(_)) => {
                    return Err(Flaw::new(
                        "slot-missing",
                        format!("{} is missing", slot_name(number)),
                    ));
                }
                (Some(_), None) => {
                    return Err(Flaw::new(
                        "slot-not-sealed",
                        format!("{} is not part of what was signed", slot_name(number)),
                    ));
                }
                (Some(bytes), Some(hash)) if directory.hash.of(bytes) == hash => {}
                (Some(_), Some(_)) => {
                    return Err(Flaw::new(
                        "slot-hash-wrong",
                        format!("{} was altered", slot_name(number)),
                    ));
                }
            }
        }
    }
    Ok(())
}

fn slot_name(number: u32) -> String {
    match number {
        slot::INFO => "the information property list".to_owned(),
        slot::REQUIREMENTS => "the set of requirements".to_owned(),
        slot::RESOURCES => "the list of sealed resources".to_owned(),
        slot::ENTITLEMENTS => "the list of entitlements".to_owned(),
        slot::REP_SPECIFIC => "the trailer of the disk image".to_owned(),
        slot::ENTITLEMENTS_DER => "the encoded list of entitlements".to_owned(),
        other => format!("the part {other}"),
    }
}

fn requirements(blobs: &Blobs<'_>) -> Result<Option<RequirementSet>, Flaw> {
    match blobs.get(slot::REQUIREMENTS) {
        Some(set) => Ok(Some(RequirementSet::from_binary(set)?)),
        None => Ok(None),
    }
}

pub(crate) fn dictionary(bytes: &[u8]) -> Result<Dict, Flaw> {
    match proplist::from_bytes(bytes) {
        Ok(Value::Dict(dict)) => Ok(dict),
        Ok(_) => Err(Flaw::new(
            "malformed",
            "a property list that is no dictionary",
        )),
        Err(error) => Err(Flaw::new("malformed", error.to_string())),
    }
}

fn judge_signer(
    blobs: &Blobs<'_>,
    directories: &[CodeDirectory<'_>],
    facts: &mut Facts,
    terms: Terms<'_>,
    checks: &mut Checks,
) {
    let Some(message) = blobs.message() else {
        if facts.is_ad_hoc() {
            checks.not_applicable(CMS);
        } else {
            checks.fail(
                CMS,
                Flaw::new(
                    "cms-missing",
                    "nobody signed, though the code directory says otherwise",
                ),
            );
        }
        return;
    };
    if facts.is_ad_hoc() {
        checks.fail(
            CMS,
            Flaw::new(
                "cms-unexpected",
                "the code directory says that nobody signed",
            ),
        );
        return;
    }
    match verify_message(message, directories, terms, checks) {
        Ok((chain, at)) => {
            checks.note(CMS, Ok(()));
            checks.note(
                "team-identifier",
                team_is_signers(facts.team_id.as_deref(), &chain),
            );
            if facts.team_id.is_none() && chain.is_apples {
                facts.team_id = chain.team_id();
            }
            let team = facts.team_id.as_deref();
            note_revocation(&chain, team, terms.revoked, checks);
            facts.chain = Some(chain);
            facts.signed_at = at;
        }
        Err(flaw) => checks.fail(CMS, flaw),
    }
}

type Signer = (Chain, Option<Timestamp>);

fn verify_message(
    message: &[u8],
    directories: &[CodeDirectory<'_>],
    terms: Terms<'_>,
    checks: &mut Checks,
) -> Result<Signer, Flaw> {
    let message = SignedData::parse(message)?;
    if message.content.is_some() {
        return Err(Flaw::new(
            "cms-structure",
            "the signature carries content of its own",
        ));
    }
    let first = directories
        .first()
        .map(CodeDirectory::bytes)
        .unwrap_or_default();
    let chain = message.verify(first)?;
    checks.note(CDHASHES, cdhashes_are_signed(&message, directories));
    let at = judge_chain(&message, &chain, (Purpose::Code, terms), checks);
    Ok((chain, at))
}

/// Judges the certificates of a signature that is genuine in itself, and the time stamp; gives the time.
pub(crate) fn judge_chain(
    message: &SignedData,
    chain: &Chain,
    (purpose, terms): (Purpose, Terms<'_>),
    checks: &mut Checks,
) -> Option<Timestamp> {
    let at = match time_stamp(message) {
        Ok(None) => {
            checks.not_applicable("time-stamp");
            None
        }
        Ok(Some(stamp)) => {
            checks.pass("time-stamp", stamp.at.to_string());
            note_revocation(&stamp.chain, None, terms.revoked, checks);
            Some(stamp.at)
        }
        Err(flaw) => {
            checks.fail("time-stamp", flaw);
            None
        }
    };
    // Only Apple has the keys of its own signers: what they say of the time is as good as a time stamp.
    let stated = match message.stated_time() {
        Ok(stated) => stated.filter(|time| chain.is_apples_own_signer() && *time <= terms.now),
        Err(flaw) => {
            checks.fail("certificate-chain", flaw);
            None
        }
    };
    let moment = at.or(stated).unwrap_or(terms.now);
    let terms = Terms {
        now: moment,
        ..terms
    };
    note_chain(chain, &message.certificates, (purpose, terms), checks);
    at
}

/// Judges `chain` at the moment that the terms name.
pub(crate) fn note_chain(
    chain: &Chain,
    carried: &[crate::x509::Certificate],
    (purpose, terms): (Purpose, Terms<'_>),
    checks: &mut Checks,
) {
    if chain.is_apples {
        checks.note(
            "certificate-chain",
            SignedData::accounts_for_all(carried, &[chain]),
        );
        checks.note("certificate-chain", chain.judge(purpose, terms.now));
    } else {
        checks.fail(
            "certificate-chain",
            Flaw::new(
                "chain-not-apples",
                "the certificates do not lead to a root of Apple's",
            ),
        );
    }
    note_revocation(chain, None, terms.revoked, checks);
}

/// Whether the operator has revoked a certificate of `chain`, or the team that the code names.
pub(crate) fn note_revocation(
    chain: &Chain,
    team: Option<&str>,
    revoked: &Revocations,
    checks: &mut Checks,
) {
    const NAME: &str = "revocation";
    match revoked.find(chain, team) {
        Some(detail) => checks.fail(NAME, Flaw::new("revoked", detail)),
        None if revoked.is_empty() => {
            checks.not_made(NAME, "Apple can be asked only over the network");
        }
        None => {
            let entries = revoked.len();
            let detail = format!(
                "nothing of it is among the operator's {entries} entries; Apple can be asked only over the network"
            );
            checks.not_made(NAME, &detail);
        }
    }
}

/// The team in the code directory must be the one that Apple wrote into the signer's certificate, unless Apple signed
/// itself: the store keeps the team of the vendor.
fn team_is_signers(team_id: Option<&str>, chain: &Chain) -> Result<(), Flaw> {
    let Some(stated) = team_id.filter(|_| !chain.is_apples_own_signer()) else {
        return Ok(());
    };
    match chain.team_id() {
        Some(signers) if signers == stated => Ok(()),
        signers => {
            let signers = signers.unwrap_or_else(|| "nobody".to_owned());
            Err(Flaw::new(
                "team-identifier-wrong",
                format!("the code names the team {stated}, the certificate {signers}"),
            ))
        }
    }
}
