//! A certificate for installers, its key and the certificates above it, as operators have them in files.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail, ensure};
use der::{DecodePem as _, Encode as _};
use p12_keystore::KeyStore;
use redact::Secret;
use rsa::{RsaPrivateKey, pkcs1::DecodeRsaPrivateKey as _, pkcs8::DecodePrivateKey as _};
use x509_cert::{Certificate, der::Decode as _};

/// The longest file that is read.
const LONGEST: u64 = 1024 * 1024;

/// A certificate, its key, and the certificates above it, the nearest first.
pub(super) struct Identity {
    pub(super) key: RsaPrivateKey,
    pub(super) chain: Vec<Certificate>,
}

impl Identity {
    /// Reads the identity in `path`: PKCS #12, which `password` opens, or PEM. The certificates in `above` are put
    /// behind its own, as far as they lead upwards from it.
    ///
    /// # Errors
    /// If a file cannot be read, or there is no certificate with its RSA key.
    pub(super) fn read(
        path: &Path,
        password: Option<&Path>,
        above: &[PathBuf],
    ) -> anyhow::Result<Self> {
        let failed = || format!("the identity in `{}` cannot be opened", path.display());
        let bytes = Secret::new(read(path)?);
        let text = std::str::from_utf8(bytes.expose());
        let (key, mut certificates) = match text {
            Ok(text) if text.contains("-----BEGIN ") => from_pem(text).with_context(failed)?,
            _ => {
                let password = password.context("PKCS #12 needs a `--password-file`")?;
                let password = first_line(password)?;
                from_pkcs12(bytes.expose(), password.expose()).with_context(failed)?
            }
        };
        for path in above {
            certificates.extend(certificates_in(path)?);
        }
        let chain = chain_of(&key, &certificates).with_context(failed)?;
        Ok(Self { key, chain })
    }
}

fn from_pkcs12(bytes: &[u8], password: &str) -> anyhow::Result<(RsaPrivateKey, Vec<Certificate>)> {
    // What the reader says of a wrong password may hold bytes of the file.
    let Ok(store) = KeyStore::from_pkcs12(bytes, password) else {
        bail!("it is no PKCS #12, or the password is another one");
    };
    let (_, entry) = store
        .private_key_chain()
        .context("it holds no certificate with its key")?;
    let key = RsaPrivateKey::from_pkcs8_der(entry.key())
        .ok()
        .context("its key is no RSA key")?;
    let certificates = entry
        .chain()
        .iter()
        .map(|certificate| Certificate::from_der(certificate.as_der()));
    let certificates = certificates
        .collect::<Result<_, _>>()
        .context("a certificate in it cannot be read")?;
    Ok((key, certificates))
}

fn from_pem(text: &str) -> anyhow::Result<(RsaPrivateKey, Vec<Certificate>)> {
    let parts = pem_parts(text);
    let mut keys = parts.iter().filter_map(|part| {
        RsaPrivateKey::from_pkcs8_pem(part)
            .ok()
            .or_else(|| RsaPrivateKey::from_pkcs1_pem(part).ok())
    });
    let key = keys
        .next()
        .context("it holds no RSA key that is not encrypted")?;
    Ok((key, pem_certificates(&parts)?))
}

/// The certificates of a file in DER or PEM.
fn certificates_in(path: &Path) -> anyhow::Result<Vec<Certificate>> {
    let failed = || format!("the certificate in `{}` cannot be read", path.display());
    let bytes = read(path)?;
    match std::str::from_utf8(&bytes) {
        Ok(text) => pem_certificates(&pem_parts(text)).with_context(failed),
        Err(_) => Ok(vec![Certificate::from_der(&bytes).with_context(failed)?]),
    }
}

fn pem_certificates(parts: &[String]) -> anyhow::Result<Vec<Certificate>> {
    let certificates = parts
        .iter()
        .filter(|part| part.starts_with("-----BEGIN CERTIFICATE-----"))
        .map(|part| Certificate::from_pem(part).context("a certificate in it cannot be read"));
    certificates.collect()
}

/// The blocks of a PEM file, without what programs write between them.
fn pem_parts(text: &str) -> Vec<String> {
    let mut parts = Vec::new();
    let mut part = None;
    for line in text.lines().map(str::trim_end) {
        if line.starts_with("-----BEGIN ") {
            part = Some(String::new());
        }
        if let Some(text) = &mut part {
            text.push_str(line);
            text.push('\n');
        }
        if line.starts_with("-----END ") {
            parts.extend(part.take());
        }
    }
    parts
}

/// The certificate of `key` and those above it, as far as there are any.
fn chain_of(key: &RsaPrivateKey, certificates: &[Certificate]) -> anyhow::Result<Vec<Certificate>> {
    let public = rsa::pkcs8::EncodePublicKey::to_public_key_der(&key.to_public_key())
        .context("its key cannot be told")?;
    let is_of_key = |certificate: &&Certificate| {
        let spki = certificate.tbs_certificate.subject_public_key_info.to_der();
        spki.is_ok_and(|spki| spki == public.as_bytes())
    };
    let mut last = certificates
        .iter()
        .find(is_of_key)
        .context("it holds no certificate of its key")?;
    let mut chain = vec![last.clone()];
    while let Some(next) = certificates.iter().find(|next| {
        next.tbs_certificate.subject == last.tbs_certificate.issuer && !chain.contains(next)
    }) {
        chain.push(next.clone());
        last = next;
    }
    Ok(chain)
}

fn first_line(path: &Path) -> anyhow::Result<Secret<String>> {
    let text = String::from_utf8(read(path)?)
        .ok()
        .with_context(|| format!("the password in `{}` is no text", path.display()))?;
    Ok(Secret::new(
        text.lines().next().unwrap_or_default().to_owned(),
    ))
}

fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    ensure!(
        fs_err::metadata(path)?.len() <= LONGEST,
        "`{}` is too long",
        path.display()
    );
    Ok(fs_err::read(path)?)
}
