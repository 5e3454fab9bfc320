//! A signer of our own: certificates below a root that the tests trust, code directories, messages, time stamps.

use p256::ecdsa::{Signature, SigningKey, signature::hazmat::PrehashSigner as _};

use crate::{
    asn1::tag,
    hash::Algorithm,
    x509::{
        Certificate,
        tests::{
            CODE_SIGNING, Extension, TIME_STAMPING, authority, encoded, extension, oid, sequence,
            usages, value,
        },
    },
};

pub(crate) const SHA1: &str = "1.3.14.3.2.26";
pub(crate) const SHA256: &str = "2.16.840.1.101.3.4.2.1";
pub(crate) const TEAM: &str = "ABCDE12345";
const ECDSA_SHA256: &str = "1.2.840.10045.4.3.2";
const DATA: &str = "1.2.840.113549.1.7.1";
const TIME_STAMP_INFO: &str = "1.2.840.113549.1.9.16.1.4";

/// A key pair and the certificate of it.
#[derive(Clone)]
pub(crate) struct Issued {
    pub(crate) der: Vec<u8>,
    serial: Vec<u8>,
    subject: Vec<u8>,
    issuer: Vec<u8>,
    key: SigningKey,
}

/// What a certificate is to say.
pub(crate) struct Wish {
    pub(crate) common: &'static str,
    /// The key is made of this byte.
    pub(crate) seed: u8,
    pub(crate) serial: u8,
    pub(crate) until: &'static [u8],
    pub(crate) extensions: Vec<Extension>,
    /// Instead of the key made of `seed`.
    pub(crate) key_info: Option<Vec<u8>>,
}

impl Wish {
    pub(crate) fn new(common: &'static str, seed: u8, extensions: Vec<Extension>) -> Self {
        Self {
            common,
            seed,
            serial: seed,
            until: b"20400101000000Z",
            extensions,
            key_info: None,
        }
    }

    /// Has it signed by `issuer`, or by itself.
    pub(crate) fn issue(self, issuer: Option<&Issued>) -> Issued {
        let key = SigningKey::from_slice(&[self.seed; 32]).unwrap();
        let subject = name(&[
            ("2.5.4.3", self.common),
            ("2.5.4.11", TEAM),
            ("2.5.4.10", "Forger"),
        ]);
        let issuer_name = issuer.map_or_else(|| subject.clone(), |issuer| issuer.subject.clone());
        let point = key.verifying_key().to_encoded_point(false);
        let kind = sequence(&[oid("1.2.840.10045.2.1"), oid("1.2.840.10045.3.1.7")]);
        let key_info = self.key_info.unwrap_or_else(|| {
            let bits = [&[0], point.as_bytes()].concat();
            sequence(&[kind, value(tag::BIT_STRING, &bits)])
        });
        let serial = vec![self.serial];
        let signed = sequence(&[
            value(tag::context(0), &value(tag::INTEGER, &[2])),
            value(tag::INTEGER, &serial),
            sequence(&[oid(ECDSA_SHA256)]),
            issuer_name.clone(),
            sequence(&[
                value(tag::GENERALIZED_TIME, b"20200101000000Z"),
                value(tag::GENERALIZED_TIME, self.until),
            ]),
            subject.clone(),
            key_info,
            encoded(&self.extensions),
        ]);
        let signature = sign(issuer.map_or(&key, |issuer| &issuer.key), &signed);
        let bits = value(tag::BIT_STRING, &[vec![0], signature].concat());
        Issued {
            der: sequence(&[signed, sequence(&[oid(ECDSA_SHA256)]), bits]),
            serial,
            subject,
            issuer: issuer_name,
            key,
        }
    }
}

fn name(parts: &[(&str, &str)]) -> Vec<u8> {
    let parts: Vec<Vec<u8>> = parts
        .iter()
        .map(|(kind, text)| {
            let pair = sequence(&[oid(kind), value(0x0c, text.as_bytes())]);
            value(tag::SET, &pair)
        })
        .collect();
    sequence(&parts)
}

fn sign(key: &SigningKey, bytes: &[u8]) -> Vec<u8> {
    let digest = Algorithm::Sha256.digest(bytes);
    let signature: Signature = key.sign_prehash(&digest).unwrap();
    signature.to_der().as_bytes().to_vec()
}

/// The root that the tests trust. Signing is deterministic, so it is the same each time.
pub(crate) fn root() -> Certificate {
    Certificate::parse(&our_root().der).unwrap()
}

pub(crate) fn our_root() -> Issued {
    Wish::new("Forged Root", 1, vec![authority(None)]).issue(None)
}

/// A mark of Apple's, which only has to be there.
pub(crate) fn mark(oid: &'static str) -> Extension {
    extension(oid, vec![5, 0])
}

/// The extensions of a Developer ID Application certificate.
pub(crate) fn developer_id() -> Vec<Extension> {
    vec![usages(&[CODE_SIGNING]), mark("1.2.840.113635.100.6.1.13")]
}

/// The authority below which Developer ID certificates lie, here below our root.
pub(crate) fn intermediate() -> Issued {
    let extensions = vec![authority(Some(0)), mark("1.2.840.113635.100.6.2.6")];
    Wish::new("Forged Developer ID", 2, extensions).issue(Some(&our_root()))
}

/// A time stamping authority below `root`.
pub(crate) fn stamper(root: &Issued, until: &'static [u8]) -> Issued {
    let wish = Wish::new("Forged Stamper", 9, vec![usages(&[TIME_STAMPING])]);
    Wish { until, ..wish }.issue(Some(root))
}

/// A code directory of `code` with pages of 4096 bytes.
pub(crate) fn directory(code: &[u8], kind: u8, algorithm: Algorithm) -> Vec<u8> {
    let names = [b"org.example.forged\0".as_slice(), TEAM.as_bytes(), b"\0"].concat();
    let pages: Vec<Vec<u8>> = code
        .chunks(4096)
        .map(|page| algorithm.digest(page))
        .collect();
    let number = |value: usize| u32::try_from(value).unwrap().to_be_bytes();
    let hashes_at = names.len().saturating_add(52);
    let hash_len = pages[0].len();
    let mut bytes = vec![0xfa, 0xde, 0x0c, 0x02];
    bytes.extend(number(hashes_at.saturating_add(pages.concat().len())));
    bytes.extend(
        [0x2_0200, 0, hashes_at, 52, 0, pages.len(), code.len()]
            .map(number)
            .concat(),
    );
    bytes.extend([u8::try_from(hash_len).unwrap(), kind, 0, 12]);
    bytes.extend([0, 0, 52 + 19].map(number).concat());
    bytes.extend(names);
    bytes.extend(pages.concat());
    bytes
}

/// A message in the making; the fields say what is to be in it.
#[derive(Clone)]
pub(crate) struct Message {
    pub(crate) signer: Issued,
    pub(crate) signers: usize,
    pub(crate) certificates: Vec<Vec<u8>>,
    pub(crate) digest_algorithm: &'static str,
    pub(crate) signature_algorithm: &'static str,
    /// Each an attribute as a whole; nothing for none at all.
    pub(crate) signed: Option<Vec<Vec<u8>>>,
    pub(crate) unsigned: Vec<Vec<u8>>,
    pub(crate) content_type: &'static str,
    pub(crate) content: Option<Vec<u8>>,
}

impl Message {
    /// A right one about `content`, which it does not carry.
    pub(crate) fn about(content: &[u8], signer: &Issued, others: &[&Issued]) -> Self {
        let mut certificates = vec![signer.der.clone()];
        certificates.extend(others.iter().map(|other| other.der.clone()));
        Self {
            signer: signer.clone(),
            signers: 1,
            certificates,
            digest_algorithm: SHA256,
            signature_algorithm: ECDSA_SHA256,
            signed: Some(vec![content_type(DATA), message_digest(content)]),
            unsigned: Vec::new(),
            content_type: DATA,
            content: None,
        }
    }

    /// A time stamp for `signature`, by `signer`.
    pub(crate) fn time_stamp(signature: &[u8], at: &[u8], signer: &Issued) -> Self {
        let imprint = sequence(&[
            sequence(&[oid(SHA256)]),
            value(tag::OCTET_STRING, &Algorithm::Sha256.digest(signature)),
        ]);
        let info = sequence(&[
            value(tag::INTEGER, &[1]),
            oid("1.2.3.4"),
            imprint,
            value(tag::INTEGER, &[7]),
            value(tag::GENERALIZED_TIME, at),
        ]);
        Self {
            signed: Some(vec![content_type(TIME_STAMP_INFO), message_digest(&info)]),
            content_type: TIME_STAMP_INFO,
            content: Some(info),
            ..Self::about(&[], signer, &[])
        }
    }

    /// The signature over the signed attributes.
    pub(crate) fn signature(&self) -> Vec<u8> {
        let signed = self.signed.clone().unwrap_or_default().concat();
        sign(&self.signer.key, &value(tag::SET, &signed))
    }

    pub(crate) fn to_der(&self) -> Vec<u8> {
        let mut capsule = vec![oid(self.content_type)];
        if let Some(content) = &self.content {
            capsule.push(value(tag::context(0), &value(tag::OCTET_STRING, content)));
        }
        let version = if self.content_type == DATA { 1 } else { 3 };
        let data = sequence(&[
            value(tag::INTEGER, &[version]),
            value(tag::SET, &sequence(&[oid(self.digest_algorithm)])),
            sequence(&capsule),
            value(tag::context(0), &self.certificates.concat()),
            value(tag::SET, &self.signer_info().repeat(self.signers)),
        ]);
        sequence(&[oid("1.2.840.113549.1.7.2"), value(tag::context(0), &data)])
    }

    fn signer_info(&self) -> Vec<u8> {
        let mut parts = vec![
            value(tag::INTEGER, &[1]),
            sequence(&[
                self.signer.issuer.clone(),
                value(tag::INTEGER, &self.signer.serial),
            ]),
            sequence(&[oid(self.digest_algorithm)]),
        ];
        parts.extend(
            self.signed
                .as_ref()
                .map(|signed| value(tag::context(0), &signed.concat())),
        );
        parts.push(sequence(&[oid(self.signature_algorithm)]));
        parts.push(value(tag::OCTET_STRING, &self.signature()));
        if !self.unsigned.is_empty() {
            parts.push(value(tag::context(1), &self.unsigned.concat()));
        }
        sequence(&parts)
    }
}

/// An attribute with one value.
pub(crate) fn attribute(kind: &str, content: &[u8]) -> Vec<u8> {
    sequence(&[oid(kind), value(tag::SET, content)])
}

pub(crate) fn content_type(kind: &str) -> Vec<u8> {
    attribute("1.2.840.113549.1.9.3", &oid(kind))
}

pub(crate) fn message_digest(content: &[u8]) -> Vec<u8> {
    let digest = Algorithm::Sha256.digest(content);
    attribute("1.2.840.113549.1.9.4", &value(tag::OCTET_STRING, &digest))
}

pub(crate) fn time_stamp_attribute(token: &Message) -> Vec<u8> {
    attribute("1.2.840.113549.1.9.16.2.14", &token.to_der())
}

/// Apple's first list of hashes: a property list.
pub(crate) fn cdhash_list(hashes: &[Vec<u8>]) -> Vec<u8> {
    let hashes = hashes
        .iter()
        .map(|hash| proplist::Value::Data(hash[..20].to_vec()));
    let dict: proplist::Dict = [(
        "cdhashes".to_owned(),
        proplist::Value::Array(hashes.collect()),
    )]
    .into_iter()
    .collect();
    let xml = proplist::to_xml(&proplist::Value::Dict(dict), proplist::KeyOrder::AsIs).unwrap();
    let xml = value(tag::OCTET_STRING, xml.as_bytes());
    attribute("1.2.840.113635.100.9.1", &xml)
}

/// Apple's second list of hashes: pairs of an algorithm and a digest.
pub(crate) fn cdhash_set(hashes: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let pairs: Vec<Vec<u8>> = hashes
        .iter()
        .map(|(kind, hash)| sequence(&[oid(kind), value(tag::OCTET_STRING, hash)]))
        .collect();
    attribute("1.2.840.113635.100.9.2", &pairs.concat())
}
