//! HTTP/1.1 over TLS 1.2 and 1.3, with a certificate that can be replaced while connections go on.

mod certificate;
mod patient;
mod serve;

pub use certificate::{CertificateError, ServerCertificate};
pub use serve::{Peer, TlsListener, serve_tls};

#[cfg(test)]
mod tests;
