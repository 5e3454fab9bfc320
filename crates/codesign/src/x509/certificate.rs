//! What a certificate says (RFC 5280).

use const_oid::ObjectIdentifier;
use model::Timestamp;
use wire::ParseError;

use super::{PublicKey, Scheme};
use crate::{
    asn1::{Reader, tag},
    flaw::Flaw,
    hash::Algorithm,
};

const COMMON_NAME: &str = "2.5.4.3";
const ORGANIZATIONAL_UNIT: &str = "2.5.4.11";
const BASIC_CONSTRAINTS: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.19");
const KEY_USAGE: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.15");
const EXTENDED_KEY_USAGE: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.37");
const POLICIES: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.32");
const SUBJECT_KEY: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.14");

/// A certificate.
#[derive(Clone, Debug)]
pub(crate) struct Certificate {
    der: Vec<u8>,
    signed_part: Vec<u8>,
    scheme: ObjectIdentifier,
    signature: Vec<u8>,
    pub(crate) serial: Vec<u8>,
    pub(crate) issuer: Vec<u8>,
    pub(crate) subject: Vec<u8>,
    names: Vec<(ObjectIdentifier, String)>,
    pub(crate) not_before: Timestamp,
    pub(crate) not_after: Timestamp,
    pub(crate) key: PublicKey,
    pub(crate) extensions: Vec<Extension>,
}

/// An extension of a certificate.
#[derive(Clone, Debug)]
pub(crate) struct Extension {
    pub(crate) oid: ObjectIdentifier,
    pub(crate) critical: bool,
    value: Vec<u8>,
}

/// How many certificates may lie between an authority and the signer's certificate.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum PathLength {
    Any,
    AtMost(u64),
}

impl Certificate {
    /// Reads a certificate, and nothing after it.
    pub(crate) fn parse(der: &[u8]) -> Result<Self, ParseError> {
        let mut outer = Reader::only("certificate", der, tag::SEQUENCE)?;
        let signed_part = outer.clone().expect(tag::SEQUENCE)?.whole.to_vec();
        let mut inner = outer.constructed(tag::SEQUENCE)?;
        let scheme = outer.clone().expect(tag::SEQUENCE)?;
        let scheme_oid = outer.algorithm()?;
        let signature = outer.bits()?.to_vec();
        outer.finish()?;

        if let Some(version) = inner.optional(tag::context(0))?
            && !matches!(version.content, [tag::INTEGER, 1, 1 | 2])
        {
            return Err(inner.invalid("a version that does not exist"));
        }
        let serial = inner.expect(tag::INTEGER)?.content.to_vec();
        if inner.expect(tag::SEQUENCE)? != scheme {
            return Err(inner.invalid("two different signature algorithms"));
        }
        let issuer = inner.expect(tag::SEQUENCE)?.whole.to_vec();
        let mut validity = inner.constructed(tag::SEQUENCE)?;
        let (not_before, not_after) = (validity.time()?, validity.time()?);
        validity.finish()?;
        let subject = inner.expect(tag::SEQUENCE)?.whole.to_vec();
        let key = PublicKey::read(&mut inner)?;
        inner.optional(tag::context_primitive(1))?;
        inner.optional(tag::context_primitive(2))?;
        let extensions = extensions(&mut inner)?;
        inner.finish()?;
        Ok(Self {
            der: der.to_vec(),
            signed_part,
            scheme: scheme_oid,
            signature,
            serial,
            names: names(&subject)?,
            issuer,
            subject,
            not_before,
            not_after,
            key,
            extensions,
        })
    }

    /// Whether `issuer` signed it.
    pub(crate) fn verify_signed_by(&self, issuer: &Self) -> Result<(), Flaw> {
        let scheme = Scheme::from_oid(self.scheme, None)?;
        let digest = scheme.digest().digest(&self.signed_part);
        issuer.key.verify(scheme, &digest, &self.signature)
    }

    /// Its SHA-1, by which requirements name it.
    pub(crate) fn sha1(&self) -> Vec<u8> {
        self.fingerprint(Algorithm::Sha1)
    }

    /// Its digest, by which people name it.
    pub(crate) fn fingerprint(&self, algorithm: Algorithm) -> Vec<u8> {
        algorithm.digest(&self.der)
    }

    /// The common name of who issued it.
    pub(crate) fn issuer_name(&self) -> Option<String> {
        let names = names(&self.issuer).ok()?;
        let mut common = names.into_iter();
        common
            .find(|(oid, _)| oid.to_string() == COMMON_NAME)
            .map(|(_, name)| name)
    }

    /// The name by which people know it.
    pub(crate) fn common_name(&self) -> String {
        self.name(COMMON_NAME)
            .or_else(|| self.name(ORGANIZATIONAL_UNIT))
            .unwrap_or_default()
    }

    /// The organizational unit, where Apple writes the team.
    pub(crate) fn organizational_unit(&self) -> Option<String> {
        self.name(ORGANIZATIONAL_UNIT)
    }

    /// The one name of the subject under `oid`; nothing if there is none or several.
    pub(crate) fn name(&self, oid: &str) -> Option<String> {
        let mut found = self
            .names
            .iter()
            .filter(|(name, _)| name.to_string() == oid);
        match (found.next(), found.next()) {
            (Some((_, text)), None) => Some(text.clone()),
            _ => None,
        }
    }

    /// The value of an extension.
    pub(crate) fn extension(&self, oid: ObjectIdentifier) -> Option<&[u8]> {
        let mut extensions = self.extensions.iter();
        extensions
            .find(|extension| extension.oid == oid)
            .map(|extension| extension.value.as_slice())
    }

    /// Whether it has the extension that the dotted `oid` names.
    pub(crate) fn has_extension(&self, oid: &str) -> bool {
        self.extensions
            .iter()
            .any(|extension| extension.oid.to_string() == oid)
    }

    /// Whether it may sign certificates, and how many may lie between it and the signer's.
    pub(crate) fn authority(&self) -> Result<Option<PathLength>, ParseError> {
        let Some(value) = self.extension(BASIC_CONSTRAINTS) else {
            return Ok(None);
        };
        let mut constraints = Reader::only("basic constraints", value, tag::SEQUENCE)?;
        let authority = constraints
            .optional(tag::BOOLEAN)?
            .is_some_and(|yes| yes.content == [0xff]);
        let limit = if constraints.is_empty() {
            PathLength::Any
        } else {
            PathLength::AtMost(constraints.small()?)
        };
        constraints.finish()?;
        Ok(authority.then_some(limit))
    }

    /// The first byte of the key usage bits; nothing if the usage is not limited.
    pub(crate) fn key_usage(&self) -> Result<Option<u8>, ParseError> {
        let Some(value) = self.extension(KEY_USAGE) else {
            return Ok(None);
        };
        let mut reader = Reader::new("key usage", value);
        let bits = reader.expect(tag::BIT_STRING)?;
        match bits.content {
            [unused, first, ..] if *unused < 8 => Ok(Some(*first)),
            _ => Err(reader.invalid("no bits")),
        }
    }

    /// What the key may be used for; nothing if that is not limited.
    pub(crate) fn extended_key_usage(&self) -> Result<Option<Vec<ObjectIdentifier>>, ParseError> {
        let Some(value) = self.extension(EXTENDED_KEY_USAGE) else {
            return Ok(None);
        };
        let mut reader = Reader::only("extended key usage", value, tag::SEQUENCE)?;
        let mut usages = Vec::new();
        while !reader.is_empty() {
            usages.push(reader.oid()?);
        }
        Ok(Some(usages))
    }

    /// The policies it was issued under.
    pub(crate) fn policies(&self) -> Result<Vec<ObjectIdentifier>, ParseError> {
        let Some(value) = self.extension(POLICIES) else {
            return Ok(Vec::new());
        };
        let mut reader = Reader::only("certificate policies", value, tag::SEQUENCE)?;
        let mut policies = Vec::new();
        while !reader.is_empty() {
            policies.push(reader.constructed(tag::SEQUENCE)?.oid()?);
        }
        Ok(policies)
    }

    /// The identifier of its key.
    pub(crate) fn key_identifier(&self) -> Option<&[u8]> {
        let mut reader = Reader::new("subject key identifier", self.extension(SUBJECT_KEY)?);
        reader
            .expect(tag::OCTET_STRING)
            .ok()
            .map(|node| node.content)
    }
}

impl PartialEq for Certificate {
    fn eq(&self, other: &Self) -> bool {
        self.der == other.der
    }
}

fn extensions(inner: &mut Reader<'_>) -> Result<Vec<Extension>, ParseError> {
    let mut found: Vec<Extension> = Vec::new();
    let Some(node) = inner.optional(tag::context(3))? else {
        return Ok(found);
    };
    let mut list = Reader::only("certificate extensions", node.content, tag::SEQUENCE)?;
    while !list.is_empty() {
        let mut extension = list.constructed(tag::SEQUENCE)?;
        let oid = extension.oid()?;
        let critical = extension.optional(tag::BOOLEAN)?;
        let value = extension.expect(tag::OCTET_STRING)?.content.to_vec();
        extension.finish()?;
        if found.iter().any(|earlier| earlier.oid == oid) {
            return Err(list.invalid(format!("the extension {oid} twice")));
        }
        found.push(Extension {
            oid,
            critical: critical.is_some_and(|yes| yes.content != [0]),
            value,
        });
    }
    Ok(found)
}

fn names(subject: &[u8]) -> Result<Vec<(ObjectIdentifier, String)>, ParseError> {
    let mut list = Reader::only("name in a certificate", subject, tag::SEQUENCE)?;
    let mut names = Vec::new();
    while !list.is_empty() {
        let mut set = list.constructed(tag::SET)?;
        while !set.is_empty() {
            let mut pair = set.constructed(tag::SEQUENCE)?;
            let oid = pair.oid()?;
            let value = pair.any()?;
            pair.finish()?;
            names.push((oid, text(value.tag, value.content)));
        }
    }
    Ok(names)
}

/// All kinds of text but `BMPString` are ASCII or UTF-8 in practice.
fn text(tag: u8, content: &[u8]) -> String {
    if tag != tag::BMP {
        return String::from_utf8_lossy(content).into_owned();
    }
    let (pairs, _) = content.as_chunks::<2>();
    let units: Vec<u16> = pairs.iter().map(|pair| u16::from_be_bytes(*pair)).collect();
    String::from_utf16_lossy(&units)
}
