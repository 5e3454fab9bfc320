//! A message and its one signature (RFC 5652 §5).

use const_oid::ObjectIdentifier;
use model::Timestamp;
use wire::ParseError;

use crate::{
    asn1::{self, Reader, tag, to_der},
    flaw::Flaw,
    hash::Algorithm,
    x509::{Certificate, Chain, Scheme},
};

const SIGNED_DATA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.7.2");
const DATA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.7.1");
const CONTENT_TYPE: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.3");
const SIGNING_TIME: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.5");
const MESSAGE_DIGEST: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.4");

/// More certificates than any signature carries.
const MAX_CERTIFICATES: usize = 32;

/// A signed message with one signer, which is all that Apple accepts.
#[derive(Clone, Debug)]
pub(crate) struct SignedData {
    pub(crate) content_type: ObjectIdentifier,
    /// What is signed, if it is carried in the message itself.
    pub(crate) content: Option<Vec<u8>>,
    pub(crate) certificates: Vec<Certificate>,
    digest_algorithm: Algorithm,
    scheme: Scheme,
    signer: Signer,
    /// The signed attributes as they are signed.
    signed_bytes: Option<Vec<u8>>,
    pub(crate) signed: Vec<Attribute>,
    pub(crate) unsigned: Vec<Attribute>,
    pub(crate) signature: Vec<u8>,
}

#[derive(Clone, Debug)]
enum Signer {
    IssuerAndSerial { issuer: Vec<u8>, serial: Vec<u8> },
    Key(Vec<u8>),
}

/// A statement beside a signature.
#[derive(Clone, Debug)]
pub(crate) struct Attribute {
    pub(crate) oid: ObjectIdentifier,
    /// Its values, each as a whole in the distinguished encoding.
    pub(crate) values: Vec<Vec<u8>>,
}

impl Attribute {
    /// The one attribute that `oid` names; an error if it is there twice.
    pub(crate) fn one(attributes: &[Self], oid: ObjectIdentifier) -> Result<Option<&Self>, Flaw> {
        let mut found = attributes.iter().filter(|attribute| attribute.oid == oid);
        match (found.next(), found.next()) {
            (found, None) => Ok(found),
            _ => Err(Flaw::new(
                "cms-attribute",
                format!("the attribute {oid} twice"),
            )),
        }
    }

    /// Its one value.
    pub(crate) fn value(&self) -> Result<&[u8], Flaw> {
        match self.values.as_slice() {
            [value] => Ok(value),
            _ => Err(Flaw::new(
                "cms-attribute",
                format!("the attribute {} without exactly one value", self.oid),
            )),
        }
    }
}

impl SignedData {
    /// Reads a message, and nothing after it.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, Flaw> {
        let (der, rest) = to_der("CMS message", bytes)?;
        if rest.is_empty() {
            Self::read(&der)
        } else {
            Err(Flaw::new(
                "malformed",
                "bytes after the end of the CMS message",
            ))
        }
    }

    /// Reads a message in a field that is filled up with zeros.
    pub(crate) fn parse_padded(bytes: &[u8]) -> Result<Self, Flaw> {
        let (der, rest) = to_der("CMS message", bytes)?;
        if rest.iter().all(|byte| *byte == 0) {
            Self::read(&der)
        } else {
            Err(Flaw::new(
                "malformed",
                "bytes after the end of the CMS message",
            ))
        }
    }

    fn read(der: &[u8]) -> Result<Self, Flaw> {
        let mut message = Reader::only("CMS message", der, tag::SEQUENCE)?;
        if message.oid()? != SIGNED_DATA {
            return Err(message.invalid("a message that is not signed").into());
        }
        let mut message = {
            let mut wrapped = message.constructed(tag::context(0))?;
            message.finish()?;
            let inner = wrapped.constructed(tag::SEQUENCE)?;
            wrapped.finish()?;
            inner
        };
        let version = message.small()?;
        let algorithms = digest_algorithms(&mut message)?;
        let (content_type, content) = content(&mut message)?;
        let certificates = certificates(&mut message)?;
        if message.peek() == Some(tag::context(1)) {
            return Err(message
                .invalid("lists of revoked certificates, which are not expected")
                .into());
        }
        let mut signers = message.constructed(tag::SET)?;
        message.finish()?;
        let mut signer = signers.constructed(tag::SEQUENCE)?;
        signers.finish()?;
        let data = read_signer(&mut signer, (content_type, content, certificates))?;
        signer.finish()?;
        if version != data.version() {
            return Err(Flaw::new(
                "cms-structure",
                "the message is of another version than it says",
            ));
        }
        if algorithms != [data.digest_algorithm] {
            return Err(Flaw::new(
                "cms-structure",
                "the message and its signer name different digests",
            ));
        }
        Ok(data)
    }

    /// Verifies the signature over the signed attributes, and their statement about the content, and gives the
    /// signer's chain. `content` is what is signed.
    ///
    /// The signed attributes must be there: without them nothing says what kind of content is signed.
    pub(crate) fn verify(&self, content: &[u8]) -> Result<Chain, Flaw> {
        let Some(signed_bytes) = &self.signed_bytes else {
            return Err(Flaw::new(
                "cms-attribute",
                "the signature has no signed attributes",
            ));
        };
        let stated = self.signed_value(CONTENT_TYPE)?;
        let mut reader = Reader::new("content type", stated);
        if reader.oid()? != self.content_type {
            return Err(Flaw::new(
                "cms-attribute",
                "the signed content type is another",
            ));
        }
        reader.finish()?;
        let stated = self.signed_value(MESSAGE_DIGEST)?;
        let mut reader = Reader::new("message digest", stated);
        if reader.expect(tag::OCTET_STRING)?.content != self.digest_algorithm.digest(content) {
            return Err(Flaw::new(
                "message-digest-wrong",
                "the signature was made for other content",
            ));
        }
        reader.finish()?;
        let chain = self.verify_bytes(signed_bytes)?;
        Ok(chain)
    }

    /// Whether every certificate that is carried along is accounted for by one of `chains`.
    ///
    /// A certificate that nobody signed is a part of the signature that nothing protects.
    pub(crate) fn accounts_for_all(
        certificates: &[Certificate],
        chains: &[&Chain],
    ) -> Result<(), Flaw> {
        let stray = certificates.iter().find(|certificate| {
            !chains
                .iter()
                .any(|chain| chain.accounts_for(certificate, certificates))
        });
        match stray {
            None => Ok(()),
            Some(certificate) => Err(Flaw::new(
                "certificate-stray",
                format!(
                    "the certificate `{}` belongs to no chain",
                    certificate.common_name()
                ),
            )),
        }
    }

    /// When the signer says to have signed.
    pub(crate) fn stated_time(&self) -> Result<Option<Timestamp>, Flaw> {
        let Some(attribute) = Attribute::one(&self.signed, SIGNING_TIME)? else {
            return Ok(None);
        };
        Ok(Some(
            Reader::new("signing time", attribute.value()?).time()?,
        ))
    }

    /// The version of the message that goes with what it holds (RFC 5652 §5.1).
    fn version(&self) -> u64 {
        match self.signer {
            Signer::IssuerAndSerial { .. } if self.content_type == DATA => 1,
            Signer::IssuerAndSerial { .. } | Signer::Key(_) => 3,
        }
    }

    fn verify_bytes(&self, signed_bytes: &[u8]) -> Result<Chain, Flaw> {
        let Some(leaf) = self
            .certificates
            .iter()
            .find(|certificate| self.signer.is(certificate))
        else {
            return Err(Flaw::new(
                "signer-missing",
                "the signer's certificate is not in the signature",
            ));
        };
        let digest = self.scheme.digest().digest(signed_bytes);
        leaf.key.verify(self.scheme, &digest, &self.signature)?;
        Ok(Chain::build(leaf, &self.certificates))
    }

    fn signed_value(&self, oid: ObjectIdentifier) -> Result<&[u8], Flaw> {
        match Attribute::one(&self.signed, oid)? {
            Some(attribute) => attribute.value(),
            None => Err(Flaw::new(
                "cms-attribute",
                format!("the signed attribute {oid} is missing"),
            )),
        }
    }
}

impl Signer {
    fn is(&self, certificate: &Certificate) -> bool {
        match self {
            Self::IssuerAndSerial { issuer, serial } => {
                *issuer == certificate.issuer && *serial == certificate.serial
            }
            Self::Key(identifier) => certificate.key_identifier() == Some(identifier),
        }
    }
}

fn digest_algorithms(message: &mut Reader<'_>) -> Result<Vec<Algorithm>, Flaw> {
    let mut set = message.constructed(tag::SET)?;
    let mut algorithms = Vec::new();
    while !set.is_empty() {
        algorithms.push(digest_algorithm(&mut set)?);
    }
    Ok(algorithms)
}

fn digest_algorithm(reader: &mut Reader<'_>) -> Result<Algorithm, Flaw> {
    let oid = reader.algorithm()?;
    Algorithm::from_oid(oid).ok_or_else(|| {
        Flaw::new(
            "weak-or-unknown-algorithm",
            format!("the digest algorithm {oid} is not believed"),
        )
    })
}

fn content(message: &mut Reader<'_>) -> Result<(ObjectIdentifier, Option<Vec<u8>>), ParseError> {
    let mut capsule = message.constructed(tag::SEQUENCE)?;
    let content_type = capsule.oid()?;
    let content = match capsule.optional(tag::context(0))? {
        None => None,
        Some(wrapped) => {
            let mut inner = Reader::new("CMS content", wrapped.content);
            let content = inner.expect(tag::OCTET_STRING)?.content.to_vec();
            inner.finish()?;
            Some(content)
        }
    };
    capsule.finish()?;
    Ok((content_type, content))
}

fn certificates(message: &mut Reader<'_>) -> Result<Vec<Certificate>, ParseError> {
    let mut certificates = Vec::new();
    let Some(node) = message.optional(tag::context(0))? else {
        return Ok(certificates);
    };
    let mut bag = Reader::new("certificates of a CMS message", node.content);
    while !bag.is_empty() {
        if certificates.len() >= MAX_CERTIFICATES {
            return Err(bag.invalid("too many certificates"));
        }
        certificates.push(Certificate::parse(bag.expect(tag::SEQUENCE)?.whole)?);
    }
    Ok(certificates)
}

type Message = (ObjectIdentifier, Option<Vec<u8>>, Vec<Certificate>);

fn read_signer(signer: &mut Reader<'_>, message: Message) -> Result<SignedData, Flaw> {
    let version = signer.small()?;
    let who = match signer.peek() {
        Some(tag::SEQUENCE) => {
            let mut pair = signer.constructed(tag::SEQUENCE)?;
            let issuer = pair.expect(tag::SEQUENCE)?.whole.to_vec();
            let serial = pair.expect(tag::INTEGER)?.content.to_vec();
            pair.finish()?;
            Signer::IssuerAndSerial { issuer, serial }
        }
        _ => Signer::Key(signer.expect(tag::context_primitive(0))?.content.to_vec()),
    };
    if version != if matches!(who, Signer::Key(_)) { 3 } else { 1 } {
        return Err(signer.invalid("an unknown version of the signer").into());
    }
    let digest_algorithm = digest_algorithm(signer)?;
    let signed_attributes = signer.optional(tag::context(0))?;
    let scheme = Scheme::from_oid(signer.algorithm()?, Some(digest_algorithm))?;
    if scheme.digest() != digest_algorithm {
        return Err(Flaw::new(
            "cms-structure",
            "the signature names two different digests",
        ));
    }
    let signature = signer.expect(tag::OCTET_STRING)?.content.to_vec();
    let unsigned_attributes = signer.optional(tag::context(1))?;
    let (content_type, content, certificates) = message;
    Ok(SignedData {
        content_type,
        content,
        certificates,
        digest_algorithm,
        scheme,
        signer: who,
        signed_bytes: signed_attributes.map(|node| as_set(node.content)),
        signed: signed_attributes
            .map_or_else(|| Ok(Vec::new()), |node| attributes(node.content))?,
        unsigned: unsigned_attributes
            .map_or_else(|| Ok(Vec::new()), |node| attributes(node.content))?,
        signature,
    })
}

/// What is signed is the set of attributes, not the tagged field that carries it (RFC 5652 §5.4).
fn as_set(content: &[u8]) -> Vec<u8> {
    let mut set = Vec::new();
    asn1::write(tag::SET, content, &mut set);
    set
}

fn attributes(content: &[u8]) -> Result<Vec<Attribute>, ParseError> {
    let mut list = Reader::new("CMS attributes", content);
    let mut attributes = Vec::new();
    while !list.is_empty() {
        let mut pair = list.constructed(tag::SEQUENCE)?;
        let oid = pair.oid()?;
        let mut set = pair.constructed(tag::SET)?;
        pair.finish()?;
        let mut values = Vec::new();
        while !set.is_empty() {
            values.push(set.any()?.whole.to_vec());
        }
        attributes.push(Attribute { oid, values });
    }
    Ok(attributes)
}
