//! When a signature was made, by the word of Apple's time stamping authority (RFC 3161).

use const_oid::ObjectIdentifier;
use model::Timestamp;

use super::{Attribute, SignedData};
use crate::{
    asn1::{Reader, tag},
    flaw::Flaw,
    hash::Algorithm,
    x509::{Chain, Purpose},
};

const TOKEN: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.16.2.14");
const TIME_STAMP_INFO: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.16.1.4");

/// A genuine time stamp.
#[derive(Clone, Debug)]
pub(crate) struct TimeStamp {
    pub(crate) at: Timestamp,
    /// Who says so.
    pub(crate) chain: Chain,
}

/// When `message` was signed, if a time stamp says so. A time stamp that is not genuine, not Apple's, or not of this
/// signature is a flaw, and so is any other unsigned statement: nothing protects it.
pub(crate) fn time_stamp(message: &SignedData) -> Result<Option<TimeStamp>, Flaw> {
    if let Some(other) = message
        .unsigned
        .iter()
        .find(|attribute| attribute.oid != TOKEN)
    {
        return Err(Flaw::new(
            "cms-unsigned-attribute",
            format!("the unsigned attribute {} is not expected", other.oid),
        ));
    }
    let Some(attribute) = Attribute::one(&message.unsigned, TOKEN)? else {
        return Ok(None);
    };
    let token = SignedData::parse(attribute.value()?)?;
    verify(&token, &message.signature)
        .map(Some)
        .map_err(|flaw| flaw.within("time stamp"))
}

fn verify(token: &SignedData, signature: &[u8]) -> Result<TimeStamp, Flaw> {
    let content = match &token.content {
        Some(content) if token.content_type == TIME_STAMP_INFO => content,
        _ => return Err(Flaw::new("timestamp-wrong", "it states no time")),
    };
    let chain = token.verify(content)?;
    let at = stated_time(content, signature)?;
    if !token.unsigned.is_empty() {
        return Err(Flaw::new(
            "cms-unsigned-attribute",
            "unsigned attributes are not expected",
        ));
    }
    SignedData::accounts_for_all(&token.certificates, &[&chain])?;
    if !chain.is_apples {
        return Err(Flaw::new(
            "timestamp-not-trusted",
            "its certificates do not lead to Apple",
        ));
    }
    chain.judge(Purpose::TimeStamp, at)?;
    Ok(TimeStamp { at, chain })
}

/// The time in a `TSTInfo`, which must be about `signature`.
fn stated_time(info: &[u8], signature: &[u8]) -> Result<Timestamp, Flaw> {
    let mut info = Reader::only("time stamp", info, tag::SEQUENCE)?;
    if info.small()? != 1 {
        return Err(info.invalid("an unknown version").into());
    }
    info.expect(tag::OID)?; // the authority's policy
    let mut imprint = info.constructed(tag::SEQUENCE)?;
    let oid = imprint.algorithm()?;
    let stated = imprint.expect(tag::OCTET_STRING)?.content;
    imprint.finish()?;
    let Some(algorithm) = Algorithm::from_oid(oid) else {
        return Err(Flaw::new(
            "weak-or-unknown-algorithm",
            format!("the digest algorithm {oid} is not believed"),
        ));
    };
    if algorithm.digest(signature) != stated {
        return Err(Flaw::new(
            "timestamp-wrong",
            "it was made for another signature",
        ));
    }
    info.expect(tag::INTEGER)?; // its serial number
    Ok(info.time()?)
}
