use std::{sync::Arc, time::Duration};

use axum::{
    body::{Body, to_bytes},
    http::{Request, StatusCode, header},
};
use model::{FixedClock, Timestamp, Trigger};
use serde_json::json;
use store::{NewRun, RunEnd, RunFailure};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

use crate::{Vitals, Watched, router, serve};

const LEASE: Duration = Duration::from_mins(1);

struct Service {
    _folder: tempfile::TempDir,
    clock: Arc<FixedClock>,
    watched: Watched,
}

impl Service {
    async fn with_workers(workers: usize) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let db = testkit::database(&folder.path().join("auto-update.db")).await;
        let clock = Arc::new(FixedClock::at(Timestamp::from_secs(1_000)));
        let vitals = Arc::new(Vitals::new(clock.clone(), workers, true, LEASE));
        Self {
            _folder: folder,
            clock,
            watched: Watched { db, vitals },
        }
    }

    async fn get(&self, path: &str) -> (StatusCode, String) {
        let request = Request::get(path).body(Body::empty()).unwrap();
        let response = router(self.watched.clone()).oneshot(request).await.unwrap();
        assert_eq!(response.headers()[header::CONNECTION], "close");
        let status = response.status();
        let body = to_bytes(response.into_body(), 1 << 20).await.unwrap();
        (status, String::from_utf8(body.to_vec()).unwrap())
    }

    async fn health(&self) -> (u16, serde_json::Value) {
        let (status, body) = self.get("/healthz").await;
        (status.as_u16(), serde_json::from_str(&body).unwrap())
    }
}

#[tokio::test]
async fn is_well_while_everything_lives() {
    let service = Service::with_workers(1).await;
    let _worker = service.watched.vitals.worker();
    let (status, body) = service.health().await;
    assert_eq!(status, 200);
    assert_eq!(
        body,
        json!({"schema": 1, "status": "ok", "parts": {"database": "ok", "scheduler": "ok", "workers": "ok", "service": "ok"}})
    );
}

#[tokio::test]
async fn says_which_part_is_not_well() {
    let service = Service::with_workers(1).await;
    let worker = service.watched.vitals.worker();
    drop(worker);
    let (status, body) = service.health().await;
    assert_eq!(
        (status, &body["parts"]["workers"]),
        (503, &"unhealthy".into())
    );
    assert_eq!(body["parts"]["scheduler"], "ok");

    let _worker = service.watched.vitals.worker();
    service.clock.advance(Duration::from_secs(181));
    let (status, body) = service.health().await;
    assert_eq!(
        (status, &body["parts"]["scheduler"]),
        (503, &"unhealthy".into())
    );
    service.watched.vitals.state_written();
    service.watched.vitals.scheduler_ticked();
    assert_eq!(service.health().await.0, 200);

    service.watched.db.close().await;
    let (status, body) = service.health().await;
    assert_eq!(
        (status, &body["parts"]["database"]),
        (503, &"unhealthy".into())
    );
    let (status, body) = service.get("/metrics").await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(body, "the database does not answer\n");
}

#[tokio::test]
async fn a_database_that_cannot_be_written_to_is_not_well() {
    let service = Service::with_workers(0).await;
    // As after a start: nothing was written yet, and a lease is not over.
    service.clock.advance(LEASE);
    assert_eq!(service.health().await.0, 200);
    assert_eq!(service.get("/readyz").await.0, StatusCode::OK);

    service.clock.advance(Duration::from_secs(1));
    let (status, body) = service.health().await;
    assert_eq!(
        (status, &body["parts"]["database"]),
        (503, &"unhealthy".into())
    );
    let why = body["why"].as_str().unwrap();
    assert!(why.starts_with("nothing could be written"), "{why}");
    let (status, body) = service.get("/readyz").await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE, "{body}");

    service.watched.vitals.state_written();
    let (status, body) = service.health().await;
    assert_eq!((status, body.get("why")), (200, None));
    assert_eq!(service.get("/readyz").await.0, StatusCode::OK);
}

#[tokio::test]
async fn a_service_that_stops_says_so() {
    let service = Service::with_workers(0).await;
    service.watched.vitals.stopping();
    let (status, body) = service.health().await;
    assert_eq!((status, &body["status"]), (503, &"stopping".into()));
}

#[tokio::test]
async fn tells_runs_by_state_and_class() {
    let service = Service::with_workers(3).await;
    let (db, now) = (&service.watched.db, Timestamp::from_secs(1));
    for title in ["A", "B"] {
        let new = NewRun {
            title: title.parse().unwrap(),
            trigger: Trigger::Manual,
            request: json!({}),
            terms: store::Terms::default(),
        };
        db.run_queue(&new, now).await.unwrap();
    }
    let claimed = db
        .run_claim(&store::Worker::named("me"), now, Timestamp::from_secs(9))
        .await;
    let (_, lease) = claimed.unwrap().unwrap();
    let end = RunEnd::Failed(RunFailure {
        class: model::FailureClass::Trust,
        cause: "changed".to_owned(),
        next_step: "look".to_owned(),
        step: None,
        detail: None,
        incident: None,
    });
    assert!(db.run_finish(lease, &end, None, now).await.unwrap());
    let (status, text) = service.get("/metrics").await;
    assert_eq!(status, StatusCode::OK);
    let version = env!("CARGO_PKG_VERSION");
    for line in [
        "auto_update_runs{state=\"failed\",class=\"trust\"} 1",
        "auto_update_runs{state=\"queued\",class=\"\"} 1",
        "auto_update_runs{state=\"published\",class=\"\"} 0",
        "auto_update_queue_length 1",
        "auto_update_deliveries{state=\"pending\"} 0",
        "auto_update_incidents_open{priority=\"P1\"} 0",
        "auto_update_download_bytes_total 0",
        "auto_update_workers 3",
        "auto_update_workers_alive 0",
        "auto_update_scheduler_last_tick_timestamp_seconds 1000",
        &format!("auto_update_build_info{{version=\"{version}\"}} 1"),
        "# TYPE auto_update_download_bytes_total counter",
        "# HELP auto_update_queue_length Runs that wait for a worker",
    ] {
        assert!(text.lines().any(|told| told == line), "{line}\n{text}");
    }
}

#[tokio::test]
async fn knows_nothing_else() {
    let service = Service::with_workers(0).await;
    assert_eq!(service.get("/").await.0, StatusCode::NOT_FOUND);
    let request = Request::post("/healthz").body(Body::empty()).unwrap();
    let response = router(service.watched.clone()).oneshot(request).await;
    assert_eq!(response.unwrap().status(), StatusCode::METHOD_NOT_ALLOWED);
}

#[tokio::test]
async fn answers_on_a_socket_until_it_is_stopped() {
    let service = Service::with_workers(0).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let stop = CancellationToken::new();
    let serving = tokio::spawn(serve(
        listener,
        router(service.watched.clone()),
        stop.clone(),
    ));
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream
        .write_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
        .await
        .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    stop.cancel();
    serving.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_visitor_that_says_nothing_is_shown_out() {
    let service = Service::with_workers(0).await;
    // Not before the database is open: the pool would see its time run out.
    tokio::time::pause();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let stop = CancellationToken::new();
    let serving = tokio::spawn(serve(
        listener,
        router(service.watched.clone()),
        stop.clone(),
    ));
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(b"GET /healthz HT").await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap_or_default();
    assert_eq!(answer, b"");
    stop.cancel();
    serving.await.unwrap().unwrap();
}
