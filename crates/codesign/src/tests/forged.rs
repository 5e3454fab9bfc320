//! Signatures forged with keys of our own below a root that is trusted here: intact in everything but one thing.

use model::Timestamp;

use super::{codes, forge::*};
use crate::{
    Notarization, Pins, Report, Requirement, Verdict,
    asn1::tag,
    checks::Checks,
    code::{Blobs, Subject, judge, slot},
    hash::Algorithm,
    program::Judged,
    terms::Terms,
    verdict::conclude,
    x509::tests::{authority, oid, sequence, value},
};

/// 2026-06-01.
const NOW: Timestamp = Timestamp::from_secs(1_780_272_000);
const STAMPED: &[u8] = b"20240601000000Z";
const SOON: &[u8] = b"20250101000000Z";
const LATE: &[u8] = b"20400101000000Z";

/// What is signed, and how.
#[derive(Clone)]
struct Forgery {
    code: Vec<u8>,
    directories: Vec<Vec<u8>>,
    message: Message,
}

impl Forgery {
    fn by(leaf: &Issued, above: &[&Issued]) -> Self {
        let code = vec![7; 5000];
        let directories = vec![directory(&code, 2, Algorithm::Sha256)];
        let message = Message::about(&directories[0], leaf, above);
        Self {
            code,
            directories,
            message,
        }
    }

    /// A genuine signature.
    fn right() -> Self {
        let intermediate = intermediate();
        Self::by(&leaf(&intermediate), &[&intermediate])
    }

    /// A genuine signature over two directories, whose hashes it states in both ways.
    fn with_two_directories() -> Self {
        let mut forgery = Self::right();
        let sha1 = directory(&forgery.code, 1, Algorithm::Sha1);
        let sha256 = forgery.directories[0].clone();
        forgery.message.signed = Some(vec![
            content_type("1.2.840.113549.1.7.1"),
            message_digest(&sha1),
            cdhash_list(&hashes(&sha1, &sha256)),
            both(&sha1, &sha256),
        ]);
        forgery.directories = vec![sha1, sha256];
        forgery
    }

    fn altered(mut self, alter: impl FnOnce(&mut Self)) -> Self {
        alter(&mut self);
        self
    }

    fn stamped(mut self, at: &[u8], by: &Issued) -> Self {
        let token = Message::time_stamp(&self.message.signature(), at, by);
        self.message.unsigned = vec![time_stamp_attribute(&token)];
        self
    }

    fn report(&self, pins: &Pins) -> Report {
        let slots = [slot::CODE_DIRECTORY, 0x1000].into_iter();
        let mut parts: Vec<(u32, Vec<u8>)> = slots.zip(self.directories.clone()).collect();
        parts.push((slot::SIGNATURE, self.message.to_der()));
        let subject = Subject {
            code: &self.code,
            code_limit: self.code.len() as u64,
            info: None,
            is_info_inside: false,
            resources: None,
            rep_specific: None,
        };
        let terms = Terms {
            now: NOW,
            revoked: &pins.revoked,
        };
        let mut checks = Checks::default();
        let facts = judge(
            &Blobs::of_parts(&parts).unwrap(),
            subject,
            terms,
            &mut checks,
        );
        let signatures = facts.map(|facts| ("file".to_owned(), facts));
        let judged = Judged {
            signatures: signatures.into_iter().collect(),
            is_unsigned: false,
        };
        conclude("forged", &judged, Notarization::None, pins, checks)
    }

    fn signed(&mut self) -> &mut Vec<Vec<u8>> {
        self.message.signed.as_mut().unwrap()
    }
}

fn leaf(issuer: &Issued) -> Issued {
    Wish::new("Developer ID Application: Forger", 3, developer_id()).issue(Some(issuer))
}

fn leaf_until(until: &'static [u8]) -> Forgery {
    let intermediate = intermediate();
    let wish = Wish::new("Developer ID Application: Forger", 3, developer_id());
    let leaf = Wish { until, ..wish }.issue(Some(&intermediate));
    Forgery::by(&leaf, &[&intermediate])
}

fn hashes(sha1: &[u8], sha256: &[u8]) -> Vec<Vec<u8>> {
    vec![
        Algorithm::Sha1.digest(sha1),
        Algorithm::Sha256.digest(sha256),
    ]
}

fn both(sha1: &[u8], sha256: &[u8]) -> Vec<u8> {
    cdhash_set(&[
        (SHA1, Algorithm::Sha1.digest(sha1)),
        (SHA256, Algorithm::Sha256.digest(sha256)),
    ])
}

/// A key of 1024 bits, by which nothing can be signed here: its number is made up.
fn short_rsa_key() -> Vec<u8> {
    let modulus = [vec![0], vec![0xc1; 128]].concat();
    let numbers = sequence(&[
        value(tag::INTEGER, &modulus),
        value(tag::INTEGER, &[1, 0, 1]),
    ]);
    let kind = sequence(&[oid("1.2.840.113549.1.1.1"), value(tag::NULL, &[])]);
    sequence(&[kind, value(tag::BIT_STRING, &[vec![0], numbers].concat())])
}

#[test]
fn what_is_forged_right_is_believed() {
    let ours = stamper(&our_root(), LATE);
    for forgery in [
        Forgery::right(),
        Forgery::with_two_directories(),
        Forgery::right().stamped(STAMPED, &ours),
        // Expired since, and stamped before.
        leaf_until(SOON).stamped(STAMPED, &ours),
    ] {
        let report = forgery.report(&Pins::none());
        assert_eq!(report.verdict, Verdict::DeveloperId, "{:?}", report.checks);
        assert!(report.holds());
    }
}

/// A stolen key of the time stamping authority would make any signature as old as it likes.
#[test]
fn a_revoked_time_stamping_authority_is_refused() {
    let forgery = Forgery::right().stamped(STAMPED, &stamper(&our_root(), LATE));
    let judged = |list: &str| {
        let revoked = list.parse().unwrap();
        forgery.report(&Pins {
            revoked,
            ..Pins::none()
        })
    };
    let report = judged("serial 09 Forged Root # 2026-05-01 the key was stolen");
    let revoked = report
        .failures()
        .find(|check| check.code == Some("revoked"));
    let detail = revoked.and_then(|check| check.detail.clone()).unwrap();
    assert!(detail.contains("`Forged Stamper`"), "{detail}");
    assert!(!report.holds());
    assert!(judged("serial 08 Forged Root").holds());
}

#[test]
fn each_forgery_is_refused_for_what_is_wrong_with_it() {
    let cases = [
        attributes(),
        shapes(),
        directories(),
        pages(),
        certificates(),
        namesakes(),
        time_stamps(),
    ]
    .concat();
    for (name, forgery, code) in &cases {
        let report = forgery.report(&Pins::none());
        let found = codes(&report);
        assert!(found.contains(code), "{name}: {found:?}");
        assert!(!report.holds(), "{name}");
    }
    println!("{} forgeries refused, each for its own reason", cases.len());
}

type Case = (&'static str, Forgery, &'static str);

fn attributes() -> Vec<Case> {
    let case = |name, alter: &dyn Fn(&mut Forgery), code| -> Case {
        (name, Forgery::right().altered(alter), code)
    };
    let digest = |forgery: &Forgery| message_digest(&forgery.directories[0]);
    vec![
        case("no digest", &|it| drop(it.signed().pop()), "cms-attribute"),
        case(
            "two digests",
            &|it| {
                let again = digest(it);
                it.signed().push(again);
            },
            "cms-attribute",
        ),
        case(
            "a digest of two values",
            &|it| {
                let one = value(
                    tag::OCTET_STRING,
                    &Algorithm::Sha256.digest(&it.directories[0]),
                );
                it.signed()[1] = attribute("1.2.840.113549.1.9.4", &one.repeat(2));
            },
            "cms-attribute",
        ),
        case(
            "another digest",
            &|it| it.signed()[1] = message_digest(b"else"),
            "message-digest-wrong",
        ),
        case(
            "another content type",
            &|it| it.signed()[0] = content_type("1.2.840.113549.1.7.5"),
            "cms-attribute",
        ),
        case(
            "no content type",
            &|it| drop(it.signed().remove(0)),
            "cms-attribute",
        ),
        case(
            "no signed attributes",
            &|it| it.message.signed = None,
            "cms-attribute",
        ),
    ]
}

fn shapes() -> Vec<Case> {
    let case = |name, alter: &dyn Fn(&mut Forgery), code| -> Case {
        (name, Forgery::right().altered(alter), code)
    };
    vec![
        case("two signers", &|it| it.message.signers = 2, "malformed"),
        case("no signer", &|it| it.message.signers = 0, "malformed"),
        case(
            "content inside",
            &|it| it.message.content = Some(it.directories[0].clone()),
            "cms-structure",
        ),
        case(
            "an unsigned attribute",
            &|it| it.message.unsigned = vec![attribute("1.2.3.4", &[5, 0])],
            "cms-unsigned-attribute",
        ),
        case(
            "MD5",
            &|it| it.message.digest_algorithm = "1.2.840.113549.2.5",
            "weak-or-unknown-algorithm",
        ),
    ]
}

fn directories() -> Vec<Case> {
    let case = |name, alter: &dyn Fn(&mut Forgery), code| -> Case {
        (name, Forgery::with_two_directories().altered(alter), code)
    };
    let wrong = "cdhash-attribute-wrong";
    vec![
        case(
            "neither list",
            &|it| it.signed().truncate(2),
            "code-directory-unbound",
        ),
        case(
            "half the first list",
            &|it| {
                let first = Algorithm::Sha1.digest(&it.directories[0]);
                it.signed()[2] = cdhash_list(&[first]);
            },
            wrong,
        ),
        case(
            "another first list",
            &|it| it.signed()[2] = cdhash_list(&[vec![1; 20], vec![2; 20]]),
            wrong,
        ),
        case(
            "half the second list",
            &|it| {
                let first = Algorithm::Sha1.digest(&it.directories[0]);
                it.signed()[3] = cdhash_set(&[(SHA1, first)]);
            },
            wrong,
        ),
        case(
            "another second list",
            &|it| it.signed()[3] = both(b"a", b"b"),
            wrong,
        ),
    ]
}

/// What other verifiers let pass: a page and its hash changed together, and the message left.
fn pages() -> Vec<Case> {
    let case = |name, alter: &dyn Fn(&mut Forgery), code| -> Case {
        (name, Forgery::with_two_directories().altered(alter), code)
    };
    let change_page = |it: &mut Forgery, which: usize| {
        let mut code = it.code.clone();
        code[100] ^= 1;
        it.directories[which] = match which {
            0 => directory(&code, 1, Algorithm::Sha1),
            _ => directory(&code, 2, Algorithm::Sha256),
        };
        it.code = code;
    };
    vec![
        case(
            "a page and its hash",
            &|it| change_page(it, 0),
            "message-digest-wrong",
        ),
        case(
            "a page and its hash in the other directory",
            &|it| change_page(it, 1),
            "cdhash-attribute-wrong",
        ),
        case(
            "a directory of MD5",
            &|it| it.directories[1][37] = 5,
            "unsupported",
        ),
    ]
}

fn certificates() -> Vec<Case> {
    let below = |issuer: &Issued, others: &[&Issued]| {
        let leaf = leaf(issuer);
        Forgery::by(&leaf, &[&[issuer], others].concat())
    };
    let (root, right) = (our_root(), intermediate());
    let not_ca = Wish::new("Forged No Authority", 4, Vec::new()).issue(Some(&root));
    let below_last = Wish::new("Forged Below", 5, vec![authority(None)]).issue(Some(&right));
    let stranger = Wish::new("Forged Root", 6, vec![authority(None)]).issue(None);
    let namesake =
        Wish::new("Forged Developer ID", 7, vec![authority(None)]).issue(Some(&stranger));
    let short = Wish {
        key_info: Some(short_rsa_key()),
        ..Wish::new("Developer ID Application: Forger", 3, developer_id())
    };
    let short = Forgery::by(&short.issue(Some(&right)), &[&right])
        .altered(|it| it.message.signature_algorithm = "1.2.840.113549.1.1.11");
    let no_purpose = Wish::new("Forger", 3, Vec::new()).issue(Some(&right));
    vec![
        ("expired", leaf_until(SOON), "certificate-expired"),
        ("no authority", below(&not_ca, &[]), "certificate-purpose"),
        (
            "path length",
            below(&below_last, &[&right]),
            "certificate-path-length",
        ),
        (
            "the same names",
            below(&namesake, &[&stranger]),
            "chain-not-apples",
        ),
        ("RSA of 1024 bits", short, "weak-or-unknown-algorithm"),
        (
            "no purpose",
            Forgery::by(&no_purpose, &[&right]),
            "certificate-purpose",
        ),
        (
            "a stranger's certificate",
            Forgery::by(&leaf(&right), &[&right, &stranger])
                .altered(|it| it.message.certificates[2] = leaf_of_nobody()),
            "certificate-stray",
        ),
        (
            "no signer's certificate",
            Forgery::right().altered(|it| drop(it.message.certificates.remove(0))),
            "signer-missing",
        ),
        (
            "another's key",
            Forgery::right().altered(|it| {
                let other = Wish::new("Other", 8, developer_id()).issue(Some(&right));
                it.message.certificates[0] = other.der;
            }),
            "signer-missing",
        ),
    ]
}

/// Signatures by a key whose certificate has issuer and serial number of a genuine one, which the message may carry, too.
fn namesakes() -> Vec<Case> {
    let right = intermediate();
    let stranger = Wish::new("Forged Root", 6, vec![authority(None)]).issue(None);
    let namesake =
        Wish::new("Forged Developer ID", 7, vec![authority(None)]).issue(Some(&stranger));
    let leaf_of_namesake = Wish {
        serial: 3,
        ..Wish::new("Developer ID Application: Forger", 13, developer_id())
    };
    let signer = leaf_of_namesake.issue(Some(&namesake));
    let genuine = leaf(&right);
    vec![
        (
            "another's key under the same serial",
            Forgery::by(&signer, &[&right]),
            "chain-not-apples",
        ),
        (
            "another's key under the same serial, before the genuine certificate",
            Forgery::by(&signer, &[&genuine, &right]),
            "chain-not-apples",
        ),
        (
            "another's key under the same serial, after the genuine certificate",
            Forgery::by(&signer, &[&genuine, &right])
                .altered(|it| it.message.certificates.swap(0, 1)),
            "signature-wrong",
        ),
    ]
}

/// A certificate whose issuer is not there.
fn leaf_of_nobody() -> Vec<u8> {
    let nobody = Wish::new("Nobody", 10, vec![authority(None)]).issue(None);
    leaf(&nobody).der
}

fn time_stamps() -> Vec<Case> {
    let ours = stamper(&our_root(), LATE);
    let foreign = Wish::new("Foreign Root", 11, vec![authority(None)]).issue(None);
    let expired = stamper(&our_root(), SOON);
    let no_stamper = leaf(&our_root());
    let of_another = Forgery::with_two_directories().stamped(STAMPED, &ours);
    vec![
        (
            "a foreign authority",
            Forgery::right().stamped(STAMPED, &stamper(&foreign, LATE)),
            "timestamp-not-trusted",
        ),
        (
            "of another signature",
            Forgery::right().altered(|it| it.message.unsigned = of_another.message.unsigned),
            "timestamp-wrong",
        ),
        (
            "after its authority expired",
            Forgery::right().stamped(b"20250601000000Z", &expired),
            "certificate-expired",
        ),
        (
            "before the signer's certificate",
            Forgery::right()
                .stamped(b"20200101000000Z", &ours)
                .altered(|it| {
                    let token =
                        Message::time_stamp(&it.message.signature(), b"20191231000000Z", &ours);
                    it.message.unsigned = vec![time_stamp_attribute(&token)];
                }),
            "certificate-not-yet-valid",
        ),
        (
            "after the signer's certificate",
            leaf_until(SOON).stamped(b"20250601000000Z", &ours),
            "certificate-expired",
        ),
        (
            "by a signer of code",
            Forgery::right().stamped(STAMPED, &no_stamper),
            "certificate-purpose",
        ),
        (
            "twice",
            Forgery::right().stamped(STAMPED, &ours).altered(|it| {
                let again = it.message.unsigned[0].clone();
                it.message.unsigned.push(again);
            }),
            "cms-attribute",
        ),
    ]
}

/// A chain to a trusted root is not enough: the marks say for what Apple issued a certificate.
#[test]
fn without_apples_marks_it_is_no_developer_id() {
    let requirement = "anchor apple generic and certificate 1[field.1.2.840.113635.100.6.2.6] exists \
         and certificate leaf[field.1.2.840.113635.100.6.1.13] exists";
    let pins = Pins {
        requirement: Some(Requirement::parse(requirement).unwrap()),
        ..Pins::none()
    };
    let bare_leaf = || {
        let mut extensions = developer_id();
        extensions.truncate(1);
        extensions
    };
    let right = intermediate();
    let bare = Wish::new("Forged Developer ID", 12, vec![authority(Some(0))]);
    let bare = bare.issue(Some(&our_root()));
    let unmarked = Wish::new("Developer ID Application: Forger", 3, bare_leaf());
    let unmarked = unmarked.issue(Some(&right));
    for forgery in [
        Forgery::by(&unmarked, &[&right]),
        Forgery::by(&leaf(&bare), &[&bare]),
    ] {
        let report = forgery.report(&pins);
        assert_ne!(report.verdict, Verdict::DeveloperId, "{:?}", report.checks);
        assert!(codes(&report).contains(&"requirement-not-met"));
        assert!(!report.satisfies(&pins));
    }
    assert!(Forgery::right().report(&pins).satisfies(&pins));
}
