use std::{path::Path, sync::Arc};

use axum::{Extension, Router, routing::get};
use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::{
    ClientConfig, RootCertStore,
    crypto::aws_lc_rs,
    pki_types::ServerName,
    version::{TLS12, TLS13},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};
use tokio_rustls::{TlsConnector, client::TlsStream};
use tokio_util::sync::CancellationToken;

use super::{CertificateError, Peer, ServerCertificate, TlsListener, serve_tls};

const NAME: &str = "envquery.example.com";

/// Writes a new certificate and its key, and answers how a client trusts only that.
fn issue(folder: &Path) -> Arc<ClientConfig> {
    let CertifiedKey { cert, signing_key } =
        generate_simple_self_signed([NAME.to_owned()]).unwrap();
    std::fs::write(folder.join("cert.pem"), cert.pem()).unwrap();
    std::fs::write(folder.join("key.pem"), signing_key.serialize_pem()).unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(cert.der().clone()).unwrap();
    let provider = Arc::new(aws_lc_rs::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&TLS12, &TLS13])
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    // Who resumes a session looks at no certificate.
    config.resumption = rustls::client::Resumption::disabled();
    Arc::new(config)
}

fn load(folder: &Path) -> Result<Arc<ServerCertificate>, CertificateError> {
    ServerCertificate::load(&folder.join("cert.pem"), &folder.join("key.pem"))
}

struct Server {
    address: std::net::SocketAddr,
    stop: CancellationToken,
    serving: JoinHandle<()>,
}

async fn serve(certificate: &Arc<ServerCertificate>) -> Server {
    let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let listener = TlsListener::new(socket, certificate).unwrap();
    let address = listener.local_addr().unwrap();
    let stop = CancellationToken::new();
    let answer = |Extension(Peer(peer)): Extension<Peer>| async move { peer.to_string() };
    let router = Router::new().route("/", get(answer));
    let serving = tokio::spawn(serve_tls(listener, router, stop.clone()));
    Server {
        address,
        stop,
        serving,
    }
}

async fn connect(
    server: &Server,
    trust: &Arc<ClientConfig>,
) -> std::io::Result<TlsStream<TcpStream>> {
    let stream = TcpStream::connect(server.address).await?;
    let name = ServerName::try_from(NAME).unwrap();
    TlsConnector::from(Arc::clone(trust))
        .connect(name, stream)
        .await
}

/// Asks on a connection that stays open; answers what is said.
async fn ask(stream: &mut TlsStream<TcpStream>) -> String {
    let request = format!("GET / HTTP/1.1\r\nHost: {NAME}\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = vec![0; 4096];
    let len = stream.read(&mut answer).await.unwrap();
    String::from_utf8(answer[..len].to_vec()).unwrap()
}

#[tokio::test]
async fn a_new_certificate_is_shown_to_new_connections_and_cuts_none() {
    let folder = tempfile::tempdir().unwrap();
    let old = issue(folder.path());
    let certificate = load(folder.path()).unwrap();
    let leaf = certificate.leaf();
    let server = serve(&certificate).await;
    let mut first = connect(&server, &old).await.unwrap();
    let local = first.get_ref().0.local_addr().unwrap().to_string();
    let answer = ask(&mut first).await;
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert!(answer.ends_with(&local), "{answer}");

    assert!(!certificate.reload().unwrap(), "nothing has changed");
    let new = issue(folder.path());
    assert!(certificate.reload().unwrap());
    assert_ne!(certificate.leaf(), leaf);
    let mut second = connect(&server, &new).await.unwrap();
    assert!(
        ask(&mut second)
            .await
            .ends_with(&second.get_ref().0.local_addr().unwrap().to_string())
    );
    connect(&server, &old).await.unwrap_err();
    assert!(
        ask(&mut first).await.ends_with(&local),
        "the old one goes on"
    );

    server.stop.cancel();
    server.serving.await.unwrap();
}

#[tokio::test]
async fn a_certificate_that_cannot_be_used_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let trust = issue(folder.path());
    let certificate = load(folder.path()).unwrap();
    let server = serve(&certificate).await;
    let (cert, key) = (
        folder.path().join("cert.pem"),
        folder.path().join("key.pem"),
    );
    let good = std::fs::read(&key).unwrap();

    std::fs::write(&key, "no key").unwrap();
    let refused = certificate.reload().unwrap_err();
    assert!(
        matches!(refused, CertificateError::Pem { .. }),
        "{refused:?}"
    );
    issue(folder.path());
    std::fs::write(&key, &good).unwrap();
    let refused = certificate.reload().unwrap_err();
    assert!(
        matches!(refused, CertificateError::Pair { .. }),
        "{refused:?}"
    );
    std::fs::write(&cert, "nothing").unwrap();
    let refused = certificate.reload().unwrap_err();
    assert!(
        matches!(refused, CertificateError::Empty { .. }),
        "{refused:?}"
    );
    std::fs::remove_file(&cert).unwrap();
    let refused = certificate.reload().unwrap_err();
    assert!(
        matches!(refused, CertificateError::Io { .. }),
        "{refused:?}"
    );
    load(folder.path()).unwrap_err();

    let mut stream = connect(&server, &trust).await.unwrap();
    assert!(ask(&mut stream).await.starts_with("HTTP/1.1 200 OK\r\n"));
    server.stop.cancel();
    server.serving.await.unwrap();
}

#[tokio::test]
async fn who_speaks_no_tls_is_told_nothing_and_holds_up_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let trust = issue(folder.path());
    let server = serve(&load(folder.path()).unwrap()).await;
    let _silent = TcpStream::connect(server.address).await.unwrap();
    let mut plain = TcpStream::connect(server.address).await.unwrap();
    plain
        .write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        .await
        .unwrap();
    let mut answer = Vec::new();
    plain.read_to_end(&mut answer).await.unwrap_or_default();
    assert!(!answer.starts_with(b"HTTP"), "{answer:?}");
    let mut stream = connect(&server, &trust).await.unwrap();
    assert!(ask(&mut stream).await.starts_with("HTTP/1.1 200 OK\r\n"));
    server.stop.cancel();
}
