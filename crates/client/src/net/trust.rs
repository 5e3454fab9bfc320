//! Whom the client believes: a chain to a trusted root, and on top of it the pinned keys.

use std::sync::Arc;

use model::Sha256;
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
    client::{
        WebPkiServerVerifier,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    },
    crypto::CryptoProvider,
    pki_types::{CertificateDer, ServerName, UnixTime, pem::PemObject as _},
    server::ParsedCertificate,
};

use crate::{Fault, Files};

/// The roots that macOS ships for programs that do not ask its keychain.
const SYSTEM_ROOTS: &str = "/private/etc/ssl/cert.pem";
const LONGEST_ROOTS: usize = 4 * 1024 * 1024;

/// The SHA-256 of public keys (`SubjectPublicKeyInfo`) that a server may have.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Pins(Vec<[u8; 32]>);

impl Pins {
    /// These pins.
    pub const fn new(pins: Vec<[u8; 32]>) -> Self {
        Self(pins)
    }

    fn hold(&self, public_key: &[u8]) -> bool {
        let digest = Sha256::of(public_key);
        self.0.iter().any(|pin| pin == digest.as_bytes())
    }
}

/// The roots and the cryptography of one run.
#[derive(Debug)]
pub struct Trust {
    roots: Arc<RootCertStore>,
    provider: Arc<CryptoProvider>,
}

impl Trust {
    /// The roots of Mozilla's programme, which the client brings, and those of the system's own file.
    ///
    /// # Errors
    /// If that file is not safe to read.
    pub fn of(files: &Files) -> Result<Self, Fault> {
        let mut roots = RootCertStore {
            roots: webpki_roots::TLS_SERVER_ROOTS.to_vec(),
        };
        if let Some(bytes) = files.read(SYSTEM_ROOTS, LONGEST_ROOTS)? {
            let certificates = CertificateDer::pem_slice_iter(&bytes).filter_map(Result::ok);
            // Among the many of that file there are always some that cannot be used.
            roots.add_parsable_certificates(certificates);
        }
        Ok(Self {
            roots: Arc::new(roots),
            provider: Arc::new(rustls::crypto::aws_lc_rs::default_provider()),
        })
    }

    /// How to connect to a server that must lead to a root and, if `pins` are given, have one of their keys.
    ///
    /// # Errors
    /// If the library lacks what it needs.
    pub(crate) fn config(&self, pins: Option<&Pins>) -> Result<ClientConfig, String> {
        let provider = Arc::clone(&self.provider);
        let chain = WebPkiServerVerifier::builder_with_provider(
            Arc::clone(&self.roots),
            Arc::clone(&provider),
        )
        .build()
        .map_err(|e| e.to_string())?;
        let builder = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])
            .map_err(|e| e.to_string())?;
        let mut config = match pins {
            Some(pins) => builder
                .dangerous()
                .with_custom_certificate_verifier(Arc::new(Pinned {
                    chain,
                    pins: pins.clone(),
                }))
                .with_no_client_auth(),
            None => builder.with_webpki_verifier(chain).with_no_client_auth(),
        };
        // Nothing is sent before the server has proved who it is, and nothing is kept for another time.
        config.enable_early_data = false;
        config.resumption = rustls::client::Resumption::disabled();
        Ok(config)
    }
}

/// Everything that the verifier of chains demands, and then a pinned key.
#[derive(Debug)]
struct Pinned {
    chain: Arc<WebPkiServerVerifier>,
    pins: Pins,
}

impl ServerCertVerifier for Pinned {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let verified = self.chain.verify_server_cert(
            end_entity,
            intermediates,
            server_name,
            ocsp_response,
            now,
        )?;
        let parsed = ParsedCertificate::try_from(end_entity)?;
        if !self.pins.hold(&parsed.subject_public_key_info()) {
            return Err(CertificateError::ApplicationVerificationFailure.into());
        }
        Ok(verified)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.chain
            .verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.chain
            .verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.chain.supported_verify_schemes()
    }
}
