use std::sync::Arc;

use axum::{
    body::{Body, to_bytes},
    http::{HeaderMap, Request, header},
};
use model::{FixedClock, Timestamp};
use publication::FolderRepository;
use store::Db;
use tenancy::{NewTenant, Tenants, Vault, Welcome, pods::Pods};
use tower::ServiceExt as _;

use super::pods_router;

struct World {
    _folder: tempfile::TempDir,
    db: Db,
    acme: Welcome,
    pods: Pods,
    package: Vec<u8>,
}

const CATALOG: &str = "<plist><array><dict><key>name</key><string>Widget</string>\
    <key>installer_item_location</key><string>Widget 1.pkg</string></dict></array></plist>";

impl World {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(FixedClock::at(Timestamp::from_secs(1_800_000_000)));
        let db = testkit::database(&folder.path().join("auto-update.db")).await;
        let vault = Vault::in_folder(&folder.path().join("keys"));
        let tenants = Tenants::new(db.clone(), vault.clone(), clock.clone(), Vec::new());
        let new = NewTenant {
            customer: "Acme".to_owned(),
            ring: "production".to_owned(),
            entitled: None,
            by: "kim".to_owned(),
        };
        let acme = tenants.create(new).await.unwrap();
        let root = folder.path().join("repo");
        let repository = Arc::new(FolderRepository::create(&root).unwrap());
        // Several chunks and a bit, none like another.
        let package: Vec<u8> = (0_u32..200_000).flat_map(u32::to_be_bytes).collect();
        std::fs::write(root.join("catalogs/production"), CATALOG).unwrap();
        std::fs::write(root.join("pkgs/Widget 1.pkg"), &package).unwrap();
        Self {
            pods: Pods::new(db.clone(), vault, clock, repository).unwrap(),
            _folder: folder,
            db,
            acme,
            package,
        }
    }

    /// What is answered to a request with the right credential.
    async fn ask(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
    ) -> (u16, HeaderMap, Vec<u8>) {
        let credential = format!("Basic {}", self.acme.credential.basic().expose());
        let authorization = ("authorization", credential.as_str());
        self.ask_bare(method, path, &[&[authorization], headers].concat())
            .await
    }

    async fn ask_bare(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
    ) -> (u16, HeaderMap, Vec<u8>) {
        let uri = format!("/{}/{path}", self.acme.tenant.slug);
        let mut request = Request::builder().method(method).uri(uri);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Body::empty()).unwrap();
        let response = pods_router(self.pods.clone()).oneshot(request).await;
        let response = response.unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let body = to_bytes(response.into_body(), 1 << 24).await.unwrap();
        (status, headers, body.to_vec())
    }
}

const PACKAGE: &str = "pkgs/Widget%201.pkg";

#[tokio::test]
async fn a_package_is_sent_whole_or_in_parts() {
    let world = World::new().await;
    let len = world.package.len();
    let (status, headers, body) = world.ask("GET", PACKAGE, &[]).await;
    assert_eq!((status, body.len()), (200, len));
    assert!(body == world.package);
    assert_eq!(headers[header::ACCEPT_RANGES], "bytes");
    assert_eq!(headers[header::CONTENT_LENGTH], len.to_string().as_str());
    assert!(headers.contains_key(header::LAST_MODIFIED));
    let tag = headers[header::ETAG].to_str().unwrap();

    let (status, head, body) = world.ask("HEAD", PACKAGE, &[]).await;
    assert_eq!((status, body.len()), (200, 0));
    assert_eq!(head, headers);

    for (range, from, to) in [
        ("bytes=0-0", 0, 1),
        ("bytes=262140-262150", 262_140, 262_151),
        ("bytes=300000-", 300_000, len),
        ("bytes=-5", len - 5, len),
    ] {
        let asked = [("range", range), ("if-range", tag)];
        let (status, headers, body) = world.ask("GET", PACKAGE, &asked).await;
        assert_eq!(status, 206, "{range}");
        assert!(body == world.package[from..to], "{range}");
        let told = format!("bytes {from}-{}/{len}", to - 1);
        assert_eq!(headers[header::CONTENT_RANGE], told.as_str());
    }
    let beyond = [("range", "bytes=800000-")];
    let (status, headers, body) = world.ask("GET", PACKAGE, &beyond).await;
    assert_eq!((status, body.len()), (416, 0));
    assert_eq!(headers[header::CONTENT_RANGE], "bytes */800000");
}

#[tokio::test]
async fn what_a_mac_has_already_is_not_sent_again() {
    let world = World::new().await;
    let (_, headers, body) = world.ask("GET", "catalogs/production", &[]).await;
    assert_eq!(body, CATALOG.as_bytes());
    assert_eq!(headers[header::CONTENT_TYPE], "application/xml");
    assert_eq!(headers[header::CACHE_CONTROL], "private, no-cache");
    let tag = headers[header::ETAG].to_str().unwrap();
    let modified = headers[header::LAST_MODIFIED].to_str().unwrap();
    for known in [("if-none-match", tag), ("if-modified-since", modified)] {
        let (status, headers, body) = world.ask("GET", "catalogs/production", &[known]).await;
        assert_eq!((status, body.len()), (304, 0));
        assert_eq!(headers[header::ETAG], tag);
    }
}

#[tokio::test]
async fn without_the_credential_everything_looks_the_same() {
    let world = World::new().await;
    let mut answers = Vec::new();
    for method in ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"] {
        for path in ["catalogs/production", "nothing", "catalogs/../x", ""] {
            let (status, headers, _) = world.ask_bare(method, path, &[]).await;
            answers.push((status, headers));
        }
    }
    let twice = ("authorization", "Basic eDp5");
    let (status, headers, _) = world.ask("GET", "catalogs/production", &[twice]).await;
    answers.push((status, headers));
    assert_eq!(answers[0].0, 401);
    assert_eq!(
        answers[0].1[header::WWW_AUTHENTICATE],
        "Basic realm=\"pod\""
    );
    for answer in &answers {
        assert_eq!(answer, &answers[0]);
    }
}

#[tokio::test]
async fn with_the_credential_only_reading_is_allowed() {
    let world = World::new().await;
    for method in ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "PROPFIND"] {
        let (status, headers, _) = world.ask(method, "catalogs/production", &[]).await;
        assert_eq!(status, 405, "{method}");
        assert_eq!(headers[header::ALLOW], "GET, HEAD");
    }
    assert_eq!(world.ask("GET", "catalogs/testing", &[]).await.0, 404);
    world.db.close().await;
    assert_eq!(world.ask("GET", "catalogs/production", &[]).await.0, 503);
}
