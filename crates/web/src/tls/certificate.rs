//! The certificate of a server, read again when its files change.

use std::{
    fmt, io,
    path::{Path, PathBuf},
    sync::{Arc, PoisonError, RwLock},
};

use rustls::{
    ServerConfig,
    crypto::{CryptoProvider, aws_lc_rs},
    pki_types::{CertificateDer, PrivateKeyDer, pem, pem::PemObject as _},
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
    version::{TLS12, TLS13},
};

/// Why a certificate cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CertificateError {
    /// A file cannot be read.
    #[error("cannot read `{}`", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A file does not hold what it ought to.
    #[error("`{}` holds no {what} in PEM", path.display())]
    Pem {
        /// The file.
        path: PathBuf,
        /// What it ought to hold.
        what: &'static str,
        /// What is wrong with it.
        source: pem::Error,
    },
    /// There is no certificate.
    #[error("`{}` holds no certificate", path.display())]
    Empty {
        /// The file.
        path: PathBuf,
    },
    /// The two do not belong together, or the key is of a kind that is not known.
    #[error("the certificate in `{}` cannot be used with its key", path.display())]
    Pair {
        /// The file of the certificate.
        path: PathBuf,
        /// What is wrong.
        source: rustls::Error,
    },
}

/// A certificate with its key, which every new connection is shown.
#[derive(Debug)]
pub struct ServerCertificate {
    chain: PathBuf,
    key: PathBuf,
    provider: Arc<CryptoProvider>,
    current: RwLock<Current>,
}

struct Current {
    /// What was read, to tell whether it changed.
    files: (Vec<u8>, Vec<u8>),
    pair: Arc<CertifiedKey>,
}

impl fmt::Debug for Current {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Current").finish_non_exhaustive()
    }
}

impl ServerCertificate {
    /// The certificate and those above it in the file `chain`, with the private key in the file `key`.
    ///
    /// # Errors
    /// If they cannot be read, or do not belong together.
    pub fn load(chain: &Path, key: &Path) -> Result<Arc<Self>, CertificateError> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let files = (read(chain)?, read(key)?);
        let pair = pair(&files, (chain, key), &provider)?;
        Ok(Arc::new(Self {
            chain: chain.to_owned(),
            key: key.to_owned(),
            provider,
            current: RwLock::new(Current { files, pair }),
        }))
    }

    /// Reads the files again; answers whether another certificate is shown from now on. One that cannot be used changes
    /// nothing.
    ///
    /// # Errors
    /// As [`ServerCertificate::load`].
    pub fn reload(&self) -> Result<bool, CertificateError> {
        let files = (read(&self.chain)?, read(&self.key)?);
        let known = self.current.read().unwrap_or_else(PoisonError::into_inner);
        if known.files == files {
            return Ok(false);
        }
        drop(known);
        let pair = pair(&files, (&self.chain, &self.key), &self.provider)?;
        let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
        *current = Current { files, pair };
        Ok(true)
    }

    /// The certificate itself, as DER.
    pub fn leaf(&self) -> Vec<u8> {
        let pair = self.pair();
        pair.cert.first().map_or_else(Vec::new, |der| der.to_vec())
    }

    fn pair(&self) -> Arc<CertifiedKey> {
        let current = self.current.read().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(&current.pair)
    }

    /// How TLS is spoken with it.
    pub(super) fn config(self: &Arc<Self>) -> Result<Arc<ServerConfig>, rustls::Error> {
        let mut config = ServerConfig::builder_with_provider(Arc::clone(&self.provider))
            .with_protocol_versions(&[&TLS13, &TLS12])?
            .with_no_client_auth()
            .with_cert_resolver(Arc::clone(self) as Arc<dyn ResolvesServerCert>);
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Arc::new(config))
    }
}

impl ResolvesServerCert for ServerCertificate {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.pair())
    }
}

fn read(path: &Path) -> Result<Vec<u8>, CertificateError> {
    std::fs::read(path).map_err(|source| CertificateError::Io {
        path: path.to_owned(),
        source,
    })
}

fn pair(
    (chain, key): &(Vec<u8>, Vec<u8>),
    (chain_path, key_path): (&Path, &Path),
    provider: &CryptoProvider,
) -> Result<Arc<CertifiedKey>, CertificateError> {
    let wrong = |path: &Path, what| {
        let path = path.to_owned();
        move |source| CertificateError::Pem { path, what, source }
    };
    let chain = CertificateDer::pem_slice_iter(chain)
        .collect::<Result<Vec<_>, _>>()
        .map_err(wrong(chain_path, "certificate"))?;
    if chain.is_empty() {
        return Err(CertificateError::Empty {
            path: chain_path.to_owned(),
        });
    }
    let key = PrivateKeyDer::from_pem_slice(key).map_err(wrong(key_path, "private key"))?;
    let pair = CertifiedKey::from_der(chain, key, provider);
    let pair = pair.map_err(|source| CertificateError::Pair {
        path: chain_path.to_owned(),
        source,
    })?;
    Ok(Arc::new(pair))
}
