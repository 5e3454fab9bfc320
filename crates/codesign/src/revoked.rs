//! Certificates and teams that the operator does not believe any more.

use std::{fmt, str::FromStr, sync::Arc};

use crate::{
    hash::Algorithm,
    x509::{Certificate, Chain},
};

/// The operator's list of revoked certificates and teams.
///
/// One entry a line; what follows a number sign is the reason, in the operator's words:
///
/// ```text
/// sha256 611E…C60                                         # 2026-03-01 key stolen, vendor's advisory 12
/// sha1 61:1E:…:60                                         # 2026-03-02 ordered by security
/// serial 5A3B0C Developer ID Certification Authority      # 2026-03-03 revoked by Apple
/// team ABCDE12345                                         # 2026-04-01 not our vendor any more
/// ```
///
/// An entry counts whenever the signature was made: a stolen key makes time stamps as well as signatures.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Revocations {
    entries: Arc<[Entry]>,
}

#[derive(Clone, Debug, Eq, PartialEq)]
struct Entry {
    what: What,
    reason: Option<String>,
}

#[derive(Clone, Debug, Eq, PartialEq)]
enum What {
    Fingerprint(Algorithm, Vec<u8>),
    Serial { serial: Vec<u8>, issuer: String },
    Team(String),
}

/// Why a text is no list of revoked certificates.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("line {line}: {what}")]
pub struct RevocationsError {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong with it.
    pub what: &'static str,
}

impl Revocations {
    /// Whether nothing is revoked.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// What is revoked of a signature: a certificate of its chain, or its team.
    pub(crate) fn find(&self, chain: &Chain, team: Option<&str>) -> Option<String> {
        self.entries.iter().find_map(|entry| {
            let whom = match &entry.what {
                What::Team(revoked) => {
                    let certified = chain.leaf().and_then(Certificate::organizational_unit);
                    let is_it = team == Some(revoked) || certified.as_ref() == Some(revoked);
                    is_it.then(|| format!("the team {revoked}"))
                }
                what => {
                    let mut chain = chain.certificates.iter();
                    let found = chain.find(|certificate| what.is(certificate));
                    found.map(|found| format!("the certificate `{}`", found.common_name()))
                }
            };
            whom.map(|whom| format!("{whom} is on the operator's list: {entry}"))
        })
    }
}

/// Blank lines and lines of nothing but a remark are passed over.
impl FromStr for Revocations {
    type Err = RevocationsError;

    fn from_str(text: &str) -> Result<Self, RevocationsError> {
        let mut entries = Vec::new();
        for (index, line) in text.lines().enumerate() {
            let (entry, reason) = line.split_once('#').unwrap_or((line, ""));
            if entry.trim().is_empty() {
                continue;
            }
            let line = index.saturating_add(1);
            let what = What::read(entry).map_err(|what| RevocationsError { line, what })?;
            let reason = Some(reason.trim()).filter(|reason| !reason.is_empty());
            entries.push(Entry {
                what,
                reason: reason.map(str::to_owned),
            });
        }
        Ok(Self {
            entries: entries.into(),
        })
    }
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.reason.as_deref().unwrap_or("no reason is given"))
    }
}

impl What {
    fn read(entry: &str) -> Result<Self, &'static str> {
        let mut words = entry.trim().splitn(2, char::is_whitespace);
        let kind = words.next().unwrap_or_default();
        let rest = words.next().unwrap_or_default().trim();
        match kind {
            "sha256" => fingerprint(Algorithm::Sha256, rest, 32),
            "sha1" => fingerprint(Algorithm::Sha1, rest, 20),
            "serial" => {
                const USAGE: &str = "a serial number is followed by the name of its issuer";
                let (serial, issuer) = rest.split_once(char::is_whitespace).ok_or(USAGE)?;
                Ok(Self::Serial {
                    serial: without_sign(&hexadecimal(serial)?).to_vec(),
                    issuer: issuer.trim().to_owned(),
                })
            }
            "team" if is_team(rest) => Ok(Self::Team(rest.to_owned())),
            "team" => Err("a team has ten capital letters and digits"),
            _ => Err("an entry begins with `sha256`, `sha1`, `serial` or `team`"),
        }
    }

    fn is(&self, certificate: &Certificate) -> bool {
        match self {
            Self::Fingerprint(algorithm, stated) => certificate.fingerprint(*algorithm) == *stated,
            Self::Serial { serial, issuer } => {
                without_sign(&certificate.serial) == serial
                    && certificate.issuer_name().as_ref() == Some(issuer)
            }
            Self::Team(_) => false,
        }
    }
}

fn fingerprint(algorithm: Algorithm, text: &str, len: usize) -> Result<What, &'static str> {
    let bytes = hexadecimal(text)?;
    if bytes.len() == len {
        Ok(What::Fingerprint(algorithm, bytes))
    } else {
        Err("the fingerprint is not as long as one of its kind")
    }
}

/// Hexadecimal digits, in pairs that may be parted by colons, as certificates are commonly shown.
fn hexadecimal(text: &str) -> Result<Vec<u8>, &'static str> {
    let digits = text.replace(':', "");
    match hex::decode(digits) {
        Ok(bytes) if !bytes.is_empty() => Ok(bytes),
        Ok(_) | Err(_) => Err("these are no pairs of hexadecimal digits"),
    }
}

/// A serial number without the zero that only keeps it from being negative.
fn without_sign(serial: &[u8]) -> &[u8] {
    match serial {
        [0, rest @ ..] if !rest.is_empty() => rest,
        all => all,
    }
}

fn is_team(text: &str) -> bool {
    text.len() == 10
        && text
            .bytes()
            .all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bad_line_is_named() {
        for (line, what) in [
            ("sha256 00ff", "the fingerprint is not"),
            ("sha1 xyz", "these are no pairs"),
            ("sha1", "these are no pairs"),
            ("serial 01", "a serial number is followed"),
            ("team abcde12345", "a team has ten"),
            ("md5 00", "an entry begins"),
            ("ABCDE12345", "an entry begins"),
        ] {
            let text = format!("# our list\n\nteam ABCDE12345 # gone\n{line} # why\n");
            let error = text.parse::<Revocations>().unwrap_err();
            assert_eq!(error.line, 4, "{line}");
            assert!(error.what.starts_with(what), "{line}: {error}");
        }
    }

    #[test]
    fn remarks_and_blank_lines_are_no_entries() {
        let list: Revocations = "# nothing\n\n  \nteam ABCDE12345\n".parse().unwrap();
        assert_eq!(list.len(), 1);
        assert!("".parse::<Revocations>().unwrap().is_empty());
    }

    #[test]
    fn every_form_of_entry_finds_its_certificate() {
        let der = include_bytes!("../certificates/DeveloperIDCA.cer");
        let certificate = Certificate::parse(der).unwrap();
        let chain = Chain::build(&certificate, &[]);
        let hex = |algorithm: Algorithm| hex::encode_upper(algorithm.digest(der));
        let coloned = hex(Algorithm::Sha1)
            .as_bytes()
            .chunks(2)
            .map(|pair| String::from_utf8(pair.to_vec()).unwrap())
            .collect::<Vec<_>>()
            .join(":");
        let serial = hex::encode(&certificate.serial);
        let found = |line: &str| {
            let list: Revocations = format!("{line} # key stolen").parse().unwrap();
            list.find(&chain, Some("ABCDE12345"))
        };
        for line in [
            format!("sha256 {}", hex(Algorithm::Sha256)),
            format!("sha1 {coloned}"),
            format!("serial {serial} Apple Root CA"),
            "team ABCDE12345".to_owned(),
        ] {
            let said = found(&line).unwrap_or_else(|| panic!("{line}"));
            assert!(said.ends_with(": key stolen"), "{said}");
        }
        for line in [
            format!("serial {serial} Another CA"),
            format!("sha1 {}", "00".repeat(20)),
            "team ABCDE12346".to_owned(),
        ] {
            assert_eq!(found(&line), None, "{line}");
        }
    }
}
