//! What a certificate may be used for, judged on made ones. Their signatures are not looked at here.

use const_oid::ObjectIdentifier;
use model::Timestamp;

use super::{Certificate, Chain, Purpose};
use crate::asn1::{tag, write};

pub(crate) const CODE_SIGNING: &str = "1.3.6.1.5.5.7.3.3";
pub(crate) const TIME_STAMPING: &str = "1.3.6.1.5.5.7.3.8";
/// The point of P-256 from which all others are made, which will do as a key.
const POINT: &str = "046b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296\
                     4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5";

/// 2026-06-01.
const DURING: Timestamp = Timestamp::from_secs(1_780_272_000);

pub(crate) fn value(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut der = Vec::new();
    write(tag, content, &mut der);
    der
}

pub(crate) fn sequence(parts: &[Vec<u8>]) -> Vec<u8> {
    value(tag::SEQUENCE, &parts.concat())
}

pub(crate) fn oid(text: &str) -> Vec<u8> {
    value(tag::OID, ObjectIdentifier::new(text).unwrap().as_bytes())
}

fn name(common: &str) -> Vec<u8> {
    let pair = sequence(&[oid("2.5.4.3"), value(0x0c, common.as_bytes())]);
    sequence(&[value(tag::SET, &pair)])
}

pub(crate) struct Extension {
    pub(crate) oid: &'static str,
    pub(crate) critical: bool,
    pub(crate) value: Vec<u8>,
}

pub(crate) fn extension(oid: &'static str, value: Vec<u8>) -> Extension {
    Extension {
        oid,
        critical: false,
        value,
    }
}

pub(crate) fn usages(list: &[&str]) -> Extension {
    let list: Vec<Vec<u8>> = list.iter().map(|text| oid(text)).collect();
    extension("2.5.29.37", sequence(&list))
}

pub(crate) fn key_usage(bits: u8) -> Extension {
    extension("2.5.29.15", value(tag::BIT_STRING, &[0, bits]))
}

pub(crate) fn authority(path_len: Option<u8>) -> Extension {
    let mut parts = vec![value(tag::BOOLEAN, &[0xff])];
    parts.extend(path_len.map(|len| value(tag::INTEGER, &[len])));
    extension("2.5.29.19", sequence(&parts))
}

/// Extensions as certificates carry them.
pub(crate) fn encoded(extensions: &[Extension]) -> Vec<u8> {
    let extensions: Vec<Vec<u8>> = extensions
        .iter()
        .map(|extension| {
            let mut parts = vec![oid(extension.oid)];
            if extension.critical {
                parts.push(value(tag::BOOLEAN, &[0xff]));
            }
            parts.push(value(tag::OCTET_STRING, &extension.value));
            sequence(&parts)
        })
        .collect();
    value(tag::context(3), &sequence(&extensions))
}

fn certificate(common: &str, extensions: &[Extension]) -> Certificate {
    let algorithm = sequence(&[oid("1.2.840.10045.4.3.2")]);
    let kind = sequence(&[oid("1.2.840.10045.2.1"), oid("1.2.840.10045.3.1.7")]);
    let point = [vec![0], hex::decode(POINT).unwrap()].concat();
    let signed = sequence(&[
        value(tag::context(0), &value(tag::INTEGER, &[2])),
        value(tag::INTEGER, &[1]),
        algorithm.clone(),
        name("Issuer"),
        sequence(&[
            value(tag::UTC_TIME, b"260101000000Z"),
            value(tag::UTC_TIME, b"270101000000Z"),
        ]),
        name(common),
        sequence(&[kind, value(tag::BIT_STRING, &point)]),
        encoded(extensions),
    ]);
    let signature = value(tag::BIT_STRING, &[0, 1]);
    Certificate::parse(&sequence(&[signed, algorithm, signature])).unwrap()
}

fn chain(leaf: &[Extension], above: &[&[Extension]]) -> Chain {
    let mut certificates = vec![certificate("Leaf", leaf)];
    certificates.extend(
        above
            .iter()
            .map(|extensions| certificate("Above", extensions)),
    );
    Chain {
        certificates,
        is_apples: true,
    }
}

fn code(chain: &Chain, purpose: Purpose, at: Timestamp) -> Option<&'static str> {
    chain.judge(purpose, at).err().map(|flaw| flaw.code)
}

#[test]
fn certificates_count_only_while_they_are_valid() {
    let chain = chain(&[usages(&[CODE_SIGNING])], &[&[authority(None)]]);
    let judge = |at| code(&chain, Purpose::Code, at);
    assert_eq!(judge(DURING), None);
    assert_eq!(
        judge(Timestamp::from_secs(1_767_225_599)),
        Some("certificate-not-yet-valid")
    );
    assert_eq!(
        judge(Timestamp::from_secs(1_798_761_601)),
        Some("certificate-expired")
    );
}

#[test]
fn a_key_signs_only_what_it_may() {
    let judge = |leaf: &[Extension], purpose| code(&chain(leaf, &[]), purpose, DURING);
    let wrong = Some("certificate-purpose");
    assert_eq!(judge(&[usages(&[CODE_SIGNING])], Purpose::Code), None);
    assert_eq!(judge(&[], Purpose::Code), wrong);
    assert_eq!(judge(&[usages(&[TIME_STAMPING])], Purpose::Code), wrong);
    assert_eq!(judge(&[usages(&[CODE_SIGNING])], Purpose::TimeStamp), wrong);
    assert_eq!(judge(&[usages(&[TIME_STAMPING])], Purpose::TimeStamp), None);
    // A key that may only encipher, and one that may sign.
    let with = |bits| [usages(&[CODE_SIGNING]), key_usage(bits)];
    assert_eq!(judge(&with(0x20), Purpose::Code), wrong);
    assert_eq!(judge(&with(0x20), Purpose::Package), wrong);
    assert_eq!(judge(&with(0x80), Purpose::Code), None);
}

#[test]
fn authorities_must_be_authorities() {
    let leaf = || [usages(&[CODE_SIGNING])];
    let judge = |above: &[&[Extension]]| code(&chain(&leaf(), above), Purpose::Code, DURING);
    assert_eq!(judge(&[&[authority(None)], &[authority(None)]]), None);
    assert_eq!(judge(&[&[]]), Some("certificate-purpose"));
    let no_authority = extension("2.5.29.19", sequence(&[]));
    assert_eq!(judge(&[&[no_authority]]), Some("certificate-purpose"));
    assert_eq!(
        judge(&[&[authority(None), key_usage(0x80)]]),
        Some("certificate-purpose")
    );
    assert_eq!(judge(&[&[authority(Some(0))], &[authority(Some(1))]]), None);
    assert_eq!(
        judge(&[&[authority(Some(0))], &[authority(Some(0))]]),
        Some("certificate-path-length")
    );
}

#[test]
fn what_is_critical_must_be_understood() {
    let odd = |critical| Extension {
        oid: "1.2.3.4",
        critical,
        value: vec![5, 0],
    };
    let judge = |critical| {
        let leaf = [usages(&[CODE_SIGNING]), odd(critical)];
        code(&chain(&leaf, &[]), Purpose::Code, DURING)
    };
    assert_eq!(judge(false), None);
    assert_eq!(judge(true), Some("certificate-extension"));
}

#[test]
fn apples_own_signers_are_known_by_their_certificates() {
    let mark = |oid: &'static str| extension(oid, vec![5, 0]);
    assert!(chain(&[mark("1.2.840.113635.100.6.1.9")], &[]).is_apples_own_signer());
    for leaf in [
        "1.2.840.113635.100.6.1.13",
        "1.2.840.113635.100.6.1.7",
        "1.2.3.4",
    ] {
        assert!(!chain(&[mark(leaf)], &[]).is_apples_own_signer(), "{leaf}");
    }
    let both = [
        mark("1.2.840.113635.100.6.1.9"),
        mark("1.2.840.113635.100.6.1.13"),
    ];
    assert!(!chain(&both, &[]).is_apples_own_signer());
    let mut elsewhere = chain(&[mark("1.2.840.113635.100.6.1.9")], &[]);
    elsewhere.is_apples = false;
    assert!(!elsewhere.is_apples_own_signer());
}
