//! Puts a router on a socket that speaks TLS.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use axum::{Router, body::Body, extract::Request};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use rustls::ServerConfig;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
    task::JoinSet,
    time::timeout,
};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

use super::{ServerCertificate, patient::Patient};

/// How many connections there are at a time; further ones wait.
const CONNECTIONS: usize = 2048;

/// How long the beginning of TLS may take.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// How long a question may take to come, and how long a connection waits for the next one.
const HEAD: Duration = Duration::from_secs(30);

/// How long nothing of an answer need be taken.
const STALL: Duration = Duration::from_mins(1);

/// How long answers under way may take still when the service stops.
const LAST_ANSWERS: Duration = Duration::from_secs(10);

/// How long to wait when the system has no more files.
const BREATH: Duration = Duration::from_millis(500);

/// The most that stands before the body of a question, in bytes, and the size of what is written at once.
const BUFFER: usize = 32 << 10;

/// Who is at the other end of a connection; every request has it among its extensions.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Peer(pub SocketAddr);

/// A socket, and what is shown on it.
#[derive(Debug)]
pub struct TlsListener {
    listener: TcpListener,
    config: Arc<ServerConfig>,
}

impl TlsListener {
    /// Speaks TLS on `listener` with `certificate`.
    ///
    /// # Errors
    /// If the library cannot.
    pub fn new(
        listener: TcpListener,
        certificate: &Arc<ServerCertificate>,
    ) -> Result<Self, rustls::Error> {
        Ok(Self {
            listener,
            config: certificate.config()?,
        })
    }

    /// Its address.
    ///
    /// # Errors
    /// If the socket has none.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

/// Answers on `listener` until `stop`; answers under way are given a little time to end.
///
/// # Cancellation
/// Cuts every connection.
pub async fn serve_tls(listener: TlsListener, router: Router, stop: CancellationToken) {
    let acceptor = TlsAcceptor::from(listener.config);
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    let mut visits = JoinSet::new();
    loop {
        let entered = tokio::select! {
            () = stop.cancelled() => break,
            // Those that ended are let go as they do.
            Some(_) = visits.join_next() => continue,
            entered = enter(&listener.listener, &places) => entered,
        };
        let Some((stream, peer, place)) = entered else {
            tokio::time::sleep(BREATH).await;
            continue;
        };
        let visit = visit(stream, peer, acceptor.clone(), router.clone(), stop.clone());
        visits.spawn(async move {
            visit.await;
            drop(place);
        });
    }
    let ended = async { while visits.join_next().await.is_some() {} };
    if timeout(LAST_ANSWERS, ended).await.is_err() {
        tracing::warn!("connections were cut in the middle of an answer");
    }
}

/// The next one to come, once there is room; nothing if the system has none.
async fn enter(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
) -> Option<(TcpStream, SocketAddr, OwnedSemaphorePermit)> {
    let place = Arc::clone(places).acquire_owned().await.ok()?;
    match listener.accept().await {
        Ok((stream, peer)) => Some((stream, peer, place)),
        Err(error) => {
            tracing::warn!(%error, "a connection could not be accepted");
            None
        }
    }
}

async fn visit(
    stream: TcpStream,
    peer: SocketAddr,
    acceptor: TlsAcceptor,
    router: Router,
    stop: CancellationToken,
) {
    // Small answers are not held back to be sent with the next.
    stream.set_nodelay(true).unwrap_or_default();
    let Ok(Ok(stream)) = timeout(HANDSHAKE, acceptor.accept(stream)).await else {
        tracing::debug!(%peer, "no TLS came about");
        return;
    };
    let service = service_fn(move |request: hyper::Request<Incoming>| {
        let mut request: Request = request.map(Body::new);
        request.extensions_mut().insert(Peer(peer));
        router.clone().oneshot(request)
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD)
        .max_buf_size(BUFFER)
        .serve_connection(TokioIo::new(Patient::new(stream, STALL)), service);
    tokio::pin!(connection);
    let served = tokio::select! {
        served = connection.as_mut() => served,
        () = stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = served {
        tracing::debug!(%peer, %error, "a connection ended early");
    }
}
