//! The two lists of hashes in a signature that bind the further code directories to it.

use const_oid::ObjectIdentifier;
use proplist::Value;

use super::{CodeDirectory, judge::dictionary};
use crate::{
    asn1::{Reader, tag},
    cms::{Attribute, SignedData},
    flaw::Flaw,
    hash::Algorithm,
};

const CDHASH_LIST: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113635.100.9.1");
const CDHASH_SET: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113635.100.9.2");

/// The signature is made over the first directory; the others are bound to it only by two lists of hashes among the
/// signed attributes. Where a list is, it must be right; each further directory must be in one.
pub(super) fn cdhashes_are_signed(
    message: &SignedData,
    directories: &[CodeDirectory<'_>],
) -> Result<(), Flaw> {
    let list = Attribute::one(&message.signed, CDHASH_LIST)?
        .map(stated_list)
        .transpose()?;
    let set = Attribute::one(&message.signed, CDHASH_SET)?
        .map(stated_set)
        .transpose()?;
    let wrong = |what: &str| {
        Err(Flaw::new(
            "cdhash-attribute-wrong",
            format!("{what} differs from the code directories"),
        ))
    };
    if let Some(list) = &list {
        let mut cdhashes: Vec<Vec<u8>> = directories.iter().map(CodeDirectory::cdhash).collect();
        let mut stated = list.clone();
        cdhashes.sort();
        stated.sort();
        if stated != cdhashes {
            return wrong("the signed list of hashes");
        }
    }
    if let Some(set) = &set {
        if set.len() != directories.len() {
            return wrong("the signed set of hashes");
        }
        for directory in directories {
            let full = directory.hash.algorithm().digest(directory.bytes());
            let found = set.iter().any(|(algorithm, hash)| {
                *algorithm == directory.hash.algorithm()
                    && (*hash == full || *hash == directory.own_hash())
            });
            if !found {
                return wrong("the signed set of hashes");
            }
        }
    }
    if list.is_none() && set.is_none() && directories.len() > 1 {
        Err(Flaw::new(
            "code-directory-unbound",
            "a further code directory that nothing signed names",
        ))
    } else {
        Ok(())
    }
}

/// A property list with an array `cdhashes`.
fn stated_list(attribute: &Attribute) -> Result<Vec<Vec<u8>>, Flaw> {
    let mut reader = Reader::new("signed list of hashes", attribute.value()?);
    let bytes = reader.expect(tag::OCTET_STRING)?.content;
    reader.finish()?;
    let dict = dictionary(bytes)?;
    let hashes = dict
        .get("cdhashes")
        .and_then(Value::as_array)
        .unwrap_or_default();
    let hashes: Option<Vec<Vec<u8>>> = hashes
        .iter()
        .map(|hash| hash.as_data().map(<[u8]>::to_vec))
        .collect();
    hashes.ok_or_else(|| {
        Flaw::new(
            "malformed",
            "the signed list of hashes holds something else",
        )
    })
}

/// Pairs of an algorithm and a full digest.
fn stated_set(attribute: &Attribute) -> Result<Vec<(Algorithm, Vec<u8>)>, Flaw> {
    let mut hashes = Vec::new();
    for value in &attribute.values {
        let mut pair = Reader::only("signed set of hashes", value, tag::SEQUENCE)?;
        let oid = pair.oid()?;
        let hash = pair.expect(tag::OCTET_STRING)?.content.to_vec();
        pair.finish()?;
        let Some(algorithm) = Algorithm::from_oid(oid) else {
            return Err(Flaw::new(
                "weak-or-unknown-algorithm",
                format!("the digest algorithm {oid} is not believed"),
            ));
        };
        hashes.push((algorithm, hash));
    }
    Ok(hashes)
}
