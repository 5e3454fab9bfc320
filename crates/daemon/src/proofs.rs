//! The proofs that the operator asks for, from the configuration.

use ::proofs::{MinisignKey, OpenPgpKeys, ProofError};
use glob::Pattern;
use processors::{AskedProof, ProofBy, StepError};

use crate::config::ProofConfig;

/// The largest file of a key.
const LARGEST_KEY: u64 = 1 << 20;

/// What the entries ask for; keys are read now, and not by the first run.
///
/// # Errors
/// If an entry asks for nothing or for two things at once, or what it needs cannot be used.
pub(crate) fn asked(entries: &[ProofConfig]) -> Result<Vec<AskedProof>, StepError> {
    entries.iter().map(one).collect()
}

fn one(entry: &ProofConfig) -> Result<AskedProof, StepError> {
    let files = entry.files.as_deref().unwrap_or("*");
    let files = Pattern::new(files).map_err(|error| {
        wrong(entry, &format!("`files` is no pattern: {error}")).caused_by(error)
    })?;
    let asked = [
        &entry.checksums,
        &entry.digest,
        &entry.minisign,
        &entry.openpgp,
    ];
    if asked.iter().filter(|text| text.is_some()).count() != 1 {
        return Err(wrong(
            entry,
            "exactly one of `checksums`, `digest`, `minisign`, `openpgp` must be given",
        ));
    }
    Ok(AskedProof {
        title: entry.title.clone(),
        files,
        by: by(entry)?,
    })
}

fn by(entry: &ProofConfig) -> Result<ProofBy, StepError> {
    if let Some(address) = &entry.minisign {
        return Ok(ProofBy::Minisign {
            address: address.clone(),
            key: minisign_key(entry)?,
        });
    }
    if let Some(address) = &entry.openpgp {
        return Ok(ProofBy::OpenPgp {
            address: address.clone(),
            keys: openpgp_keys(entry)?,
        });
    }
    if entry.key.is_some() || entry.key_file.is_some() {
        return Err(wrong(entry, "a key is of no use to checksums"));
    }
    Ok(match (&entry.checksums, &entry.digest) {
        (Some(address), _) => ProofBy::Checksums {
            address: address.clone(),
        },
        (None, value) => ProofBy::Digest {
            value: value.clone().unwrap_or_default(),
        },
    })
}

fn minisign_key(entry: &ProofConfig) -> Result<MinisignKey, StepError> {
    let text = match (&entry.key, &entry.key_file) {
        (Some(key), None) => key.clone(),
        (None, Some(_)) => String::from_utf8_lossy(&key_file(entry)?).into_owned(),
        _ => return Err(wrong(entry, "`minisign` needs either `key` or `key-file`")),
    };
    text.parse().map_err(|error| unusable(entry, error))
}

fn openpgp_keys(entry: &ProofConfig) -> Result<OpenPgpKeys, StepError> {
    if entry.key.is_some() {
        return Err(wrong(entry, "`openpgp` needs its key in a `key-file`"));
    }
    OpenPgpKeys::read(&key_file(entry)?).map_err(|error| unusable(entry, error))
}

fn unusable(entry: &ProofConfig, error: ProofError) -> StepError {
    wrong(entry, &error.to_string()).caused_by(error)
}

fn key_file(entry: &ProofConfig) -> Result<Vec<u8>, StepError> {
    use std::io::Read as _;

    let path = entry.key_file.as_deref();
    let path = path.ok_or_else(|| wrong(entry, "`key-file` must be given"))?;
    let mut bytes = Vec::new();
    let read =
        fs_err::File::open(path).and_then(|file| file.take(LARGEST_KEY).read_to_end(&mut bytes));
    match read {
        Ok(_) => Ok(bytes),
        Err(error) => Err(wrong(entry, &error.to_string()).caused_by(error)),
    }
}

fn wrong(entry: &ProofConfig, why: &str) -> StepError {
    StepError::configuration(format!(
        "the proof that is asked for of {}: {why}",
        entry.title
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "RWQBAQEBAQEBAXP0pCdEboj2GRA3ISgvKCITKulUjIYlBmGizldYh6Zf";

    fn read(text: &str) -> Result<AskedProof, String> {
        let entry: ProofConfig = toml::from_str(text).map_err(|error| error.to_string())?;
        let asked = asked(&[entry]).map_err(|error| error.message)?;
        Ok(asked.into_iter().next().unwrap())
    }

    #[test]
    fn each_kind_of_proof_is_read() {
        for (text, name) in [
            ("checksums = '%url%.sha256'", "vendor-checksums"),
            (
                "digest = '%expected_sha256%'\nfiles = '*.dmg'",
                "vendor-digest",
            ),
            (
                &format!("minisign = '%url%.minisig'\nkey = '{KEY}'"),
                "minisign",
            ),
        ] {
            let asked = read(&format!("title = 'Widget.munki'\n{text}")).unwrap();
            assert_eq!(asked.by.name(), name);
            assert_eq!(asked.title.as_str(), "Widget.munki");
            assert!(asked.files.matches("Widget.dmg"));
            assert_eq!(asked.files.matches("Widget.zip"), name != "vendor-digest");
        }
    }

    #[test]
    fn a_key_is_read_from_its_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("vendor.pub");
        let entry = format!(
            "title = 'W'\nminisign = 'x'\nkey-file = '{}'",
            path.display()
        );
        assert!(read(&entry).unwrap_err().contains("vendor.pub"));
        fs_err::write(&path, format!("untrusted comment: key\n{KEY}\n")).unwrap();
        read(&entry).unwrap();
        let entry = entry.replace("minisign", "openpgp");
        let no_key = read(&entry).unwrap_err();
        assert!(no_key.contains("it is no public key"), "{no_key}");
        let key = include_bytes!("../../proofs/src/openpgp/samples/a.asc");
        fs_err::write(&path, key).unwrap();
        assert_eq!(read(&entry).unwrap().by.name(), "openpgp");
    }

    #[test]
    fn entries_that_protect_nobody_are_refused() {
        for (text, why) in [
            ("", "exactly one of"),
            ("checksums = 'a'\ndigest = 'b'", "exactly one of"),
            ("checksums = 'a'\nkey = 'b'", "of no use to checksums"),
            ("minisign = 'a'", "needs either"),
            ("minisign = 'a'\nkey = 'b'\nkey-file = 'c'", "needs either"),
            ("openpgp = 'a'", "`key-file` must be given"),
            ("openpgp = 'a'\nkey = 'b'", "in a `key-file`"),
            ("minisign = 'a'\nkey = 'RWQ'", "not the base64 of 42 bytes"),
            ("checksums = 'a'\nfiles = '[a'", "is no pattern"),
        ] {
            let error = read(&format!("title = 'Widget.munki'\n{text}")).unwrap_err();
            assert!(error.contains("Widget.munki"), "{error}");
            assert!(error.contains(why), "{error}");
        }
        assert!(read("title = 'Widget.munki'\nmd5 = 'x'").is_err());
        assert!(read("checksums = 'x'").is_err(), "of which title");
    }
}
