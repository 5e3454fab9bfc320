//! Certificates of servers, made for a test.

use anyhow::Result;
use rcgen::{CertificateParams, DnType, KeyPair};

/// A certificate and its key, both in PEM.
#[derive(Clone, Debug)]
pub struct Issued {
    /// The certificate.
    pub certificate: String,
    /// Its private key.
    pub key: String,
}

/// A certificate for the host `name`, signed by itself, told from others by `note`.
///
/// # Errors
/// If it cannot be made.
pub fn self_signed(name: &str, note: &str) -> Result<Issued> {
    let key = KeyPair::generate()?;
    let mut params = CertificateParams::new([name.to_owned()])?;
    params
        .distinguished_name
        .push(DnType::CommonName, format!("{name} {note}"));
    Ok(Issued {
        certificate: params.self_signed(&key)?.pem(),
        key: key.serialize_pem(),
    })
}
