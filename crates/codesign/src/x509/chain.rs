//! The way from a signer's certificate up to a root.

use const_oid::ObjectIdentifier;
use model::Timestamp;

use super::{Certificate, anchors, certificate::PathLength};
use crate::flaw::Flaw;

const MAX_LEN: usize = 8;
const DIGITAL_SIGNATURE: u8 = 0x80;
const SIGN_CERTIFICATES: u8 = 0x04;
const CODE_SIGNING: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.3");
const TIME_STAMPING: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.8");

const ORGANIZATION: &str = "2.5.4.10";
/// The mark of the certificate with which Apple signs what the Mac App Store delivers.
const APP_STORE: &str = "1.2.840.113635.100.6.1.9";
/// The marks of certificates that Apple issues to developers: for development, distribution and Developer ID.
const DEVELOPERS: [&str; 7] = [
    "1.2.840.113635.100.6.1.2",
    "1.2.840.113635.100.6.1.4",
    "1.2.840.113635.100.6.1.7",
    "1.2.840.113635.100.6.1.8",
    "1.2.840.113635.100.6.1.12",
    "1.2.840.113635.100.6.1.13",
    "1.2.840.113635.100.6.1.14",
];

/// What a certificate is used for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Purpose {
    /// Code: programs, bundles, disk images.
    Code,
    /// Flat packages. Apple gives installer certificates a usage of their own, which the verdict looks at.
    Package,
    /// Notarization tickets.
    Ticket,
    /// Time stamps.
    TimeStamp,
}

/// A signer's certificate and those above it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Chain {
    /// The signer's first; the root, if it was found, last.
    pub(crate) certificates: Vec<Certificate>,
    /// Whether the last one is a root of Apple's.
    pub(crate) is_apples: bool,
}

impl Chain {
    /// The chain above `leaf`, from the certificates that the signature carries and Apple's. Every step is a verified
    /// signature; nothing else is judged yet.
    pub(crate) fn build(leaf: &Certificate, carried: &[Certificate]) -> Self {
        let mut certificates = vec![leaf.clone()];
        while certificates.len() < MAX_LEN {
            let Some(current) = certificates.last() else {
                break;
            };
            if anchors::roots().contains(current) {
                return Self {
                    certificates,
                    is_apples: true,
                };
            }
            let above = anchors::roots()
                .iter()
                .chain(anchors::intermediates())
                .chain(carried)
                .filter(|other| other.subject == current.issuer && !certificates.contains(other))
                .find(|other| current.verify_signed_by(other).is_ok());
            match above {
                Some(issuer) => certificates.push(issuer.clone()),
                None => break,
            }
        }
        Self {
            certificates,
            is_apples: false,
        }
    }

    /// The signer's certificate.
    pub(crate) fn leaf(&self) -> Option<&Certificate> {
        self.certificates.first()
    }

    /// The team that Apple wrote into the signer's certificate.
    pub(crate) fn team_id(&self) -> Option<String> {
        self.leaf().and_then(Certificate::organizational_unit)
    }

    /// The names of the certificates, the signer's first.
    pub(crate) fn authorities(&self) -> Vec<String> {
        self.certificates
            .iter()
            .map(Certificate::common_name)
            .collect()
    }

    /// Whether every certificate may do what it does here, and was valid at `at`.
    pub(crate) fn judge(&self, purpose: Purpose, at: Timestamp) -> Result<(), Flaw> {
        for (index, certificate) in self.certificates.iter().enumerate() {
            let name = certificate.common_name();
            judge_one(certificate, at).map_err(|flaw| flaw.within(&name))?;
            if index == 0 {
                judge_leaf(certificate, purpose).map_err(|flaw| flaw.within(&name))?;
            } else {
                judge_authority(certificate, index).map_err(|flaw| flaw.within(&name))?;
            }
        }
        Ok(())
    }

    /// Whether `certificate` is part of the chain, or one of Apple's own that this program knows, or was signed by one
    /// of those or of `carried`: then it is as its authority made it.
    pub(crate) fn accounts_for(&self, certificate: &Certificate, carried: &[Certificate]) -> bool {
        let known = || anchors::roots().iter().chain(anchors::intermediates());
        self.certificates.contains(certificate)
            || known().any(|other| other == certificate)
            || known()
                .chain(&self.certificates)
                .chain(carried)
                .filter(|issuer| issuer.subject == certificate.issuer)
                .any(|issuer| certificate.verify_signed_by(issuer).is_ok())
    }

    /// Whether Apple itself signed: its own software, or a vendor's on its way through the store. Apple does without
    /// time stamps there.
    pub(crate) fn is_apples_own_signer(&self) -> bool {
        let Some(leaf) = self.leaf().filter(|_| self.is_apples) else {
            return false;
        };
        let is_developers = DEVELOPERS.iter().any(|oid| leaf.has_extension(oid));
        let is_apples = leaf.name(ORGANIZATION).as_deref() == Some("Apple Inc.");
        !is_developers && (is_apples || leaf.has_extension(APP_STORE))
    }
}

fn judge_one(certificate: &Certificate, at: Timestamp) -> Result<(), Flaw> {
    if at < certificate.not_before {
        let detail = format!(
            "not valid before {}, judged at {at}",
            certificate.not_before
        );
        return Err(Flaw::new("certificate-not-yet-valid", detail));
    }
    if at > certificate.not_after {
        let detail = format!("expired {}, judged at {at}", certificate.not_after);
        return Err(Flaw::new("certificate-expired", detail));
    }
    let unknown = certificate
        .extensions
        .iter()
        .find(|extension| extension.critical && !is_understood(extension.oid));
    match unknown {
        Some(extension) => {
            let detail = format!("the critical extension {} is not understood", extension.oid);
            Err(Flaw::new("certificate-extension", detail))
        }
        None => Ok(()),
    }
}

/// Key usage, basic constraints, policies, extended key usage, and Apple's own markers.
fn is_understood(oid: ObjectIdentifier) -> bool {
    matches!(
        oid.to_string().as_str(),
        "2.5.29.15" | "2.5.29.19" | "2.5.29.32" | "2.5.29.37"
    ) || oid.to_string().starts_with("1.2.840.113635.100.6.")
}

fn judge_leaf(certificate: &Certificate, purpose: Purpose) -> Result<(), Flaw> {
    if certificate
        .key_usage()?
        .is_some_and(|usage| usage & DIGITAL_SIGNATURE == 0)
    {
        return Err(Flaw::new("certificate-purpose", "its key may not sign"));
    }
    let usages = certificate.extended_key_usage()?;
    let needed = match purpose {
        Purpose::Code => CODE_SIGNING,
        Purpose::TimeStamp => TIME_STAMPING,
        Purpose::Package | Purpose::Ticket => return Ok(()),
    };
    if usages.is_some_and(|usages| usages.contains(&needed)) {
        return Ok(());
    }
    let what = if purpose == Purpose::Code {
        "code"
    } else {
        "times"
    };
    Err(Flaw::new(
        "certificate-purpose",
        format!("its key may not sign {what}"),
    ))
}

fn judge_authority(certificate: &Certificate, below: usize) -> Result<(), Flaw> {
    if certificate
        .key_usage()?
        .is_some_and(|usage| usage & SIGN_CERTIFICATES == 0)
    {
        return Err(Flaw::new(
            "certificate-purpose",
            "its key may not sign certificates",
        ));
    }
    let Some(limit) = certificate.authority()? else {
        return Err(Flaw::new(
            "certificate-purpose",
            "it is not a certificate authority",
        ));
    };
    let between = u64::try_from(below.saturating_sub(1)).unwrap_or(u64::MAX);
    if matches!(limit, PathLength::AtMost(limit) if between > limit) {
        return Err(Flaw::new(
            "certificate-path-length",
            "too many certificates below it",
        ));
    }
    Ok(())
}
