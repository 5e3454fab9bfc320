//! The fetcher against a vendor's server whose faults are arranged.

use std::{path::Path, time::Duration};

use model::{FailureClass, Sha256};
use tempfile::TempDir;
use testkit::vendor::{LAST_MODIFIED, Resource, Vendor};

use crate::{
    Cached, FetchError, Fetched, Fetcher, Pending, Pin, PlainHttp, Request, RetryPolicy, Settings,
    Validators,
};

/// Larger than the pieces in which it travels.
fn content() -> Vec<u8> {
    (0..300_000_u32).flat_map(u32::to_le_bytes).collect()
}

fn settings() -> Settings {
    Settings {
        plain_http_hosts: ["127.0.0.1".to_owned()].into(),
        retry: RetryPolicy {
            attempts: 3,
            first_delay: Duration::ZERO,
            max_delay: Duration::ZERO,
        },
        ..Settings::default()
    }
}

fn fetcher() -> Fetcher {
    Fetcher::new(settings()).unwrap()
}

struct Here {
    vendor: Vendor,
    folder: TempDir,
}

impl Here {
    async fn with(resource: Resource) -> Self {
        let vendor = Vendor::start().await.unwrap();
        vendor.put("/App.dmg", resource);
        Self {
            vendor,
            folder: tempfile::tempdir().unwrap(),
        }
    }

    fn target(&self) -> std::path::PathBuf {
        self.folder.path().join("App.dmg")
    }

    fn request(&self) -> Request {
        Request::get(&self.vendor.url("/App.dmg")).unwrap()
    }

    async fn download(&self) -> Result<Pending, FetchError> {
        self.download_with(&fetcher(), &self.request()).await
    }

    async fn download_with(
        &self,
        fetcher: &Fetcher,
        request: &Request,
    ) -> Result<Pending, FetchError> {
        match fetcher
            .download(request, &self.target(), &|_, _| {})
            .await?
        {
            Fetched::New(pending) => Ok(*pending),
            Fetched::Unchanged => panic!("unexpectedly unchanged"),
        }
    }

    fn names(&self) -> Vec<String> {
        names(self.folder.path())
    }

    fn asked(&self, header: &str) -> Vec<Option<String>> {
        let seen = self.vendor.seen();
        seen.iter()
            .map(|seen| seen.header(header).map(str::to_owned))
            .collect()
    }
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs_err::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[tokio::test]
async fn a_download_is_hashed_on_its_way_and_commits_only_when_told() {
    let here = Here::with(Resource::file(content())).await;
    let pending = here.download().await.unwrap();
    assert_eq!(pending.sha256(), Sha256::of(&content()));
    let downloaded = pending.place(&here.target()).unwrap();
    assert_eq!(fs_err::read(here.target()).unwrap(), content());
    assert_eq!(here.names(), ["App.dmg"]);

    let cached = Cached::read(&here.target()).unwrap().unwrap();
    assert!(!cached.committed && cached.validators.is_empty());
    downloaded.commit().unwrap();
    let cached = Cached::read(&here.target()).unwrap().unwrap();
    assert!(cached.committed);
    assert_eq!(
        cached.validators.last_modified.as_deref(),
        Some(LAST_MODIFIED)
    );
    assert_eq!(cached.validators, downloaded.validators);
}

#[tokio::test]
async fn a_known_file_is_not_sent_again() {
    let here = Here::with(Resource::file(content())).await;
    let first = here.download().await.unwrap();
    let known = first.validators().clone();
    first.place(&here.target()).unwrap().commit().unwrap();
    let request = here.request().if_changed_from(known);
    let second = fetcher()
        .download(&request, &here.target(), &|_, _| {})
        .await;
    assert!(matches!(second, Ok(Fetched::Unchanged)));
    assert_eq!(here.names(), ["App.dmg"]);
    assert_eq!(here.vendor.seen()[1].status, 304);
}

#[tokio::test]
async fn a_cut_transfer_is_continued_where_it_was_cut() {
    let resource = Resource::file(content())
        .cut_after(500_000)
        .cut_after(400_000);
    let here = Here::with(resource).await;
    let pending = here.download().await.unwrap();
    assert_eq!(pending.sha256(), Sha256::of(&content()));
    let ranges = here.asked("range");
    assert_eq!(ranges[0], None);
    assert_eq!(ranges[1].as_deref(), Some("bytes=500000-"));
    assert_eq!(ranges[2].as_deref(), Some("bytes=900000-"));
}

#[tokio::test]
async fn a_later_process_continues_what_an_earlier_one_began() {
    let here = Here::with(Resource::file(content()).cut_after(500_000)).await;
    let impatient = Fetcher::new(Settings {
        retry: RetryPolicy::NONE,
        ..settings()
    })
    .unwrap();
    let cut = here.download_with(&impatient, &here.request()).await;
    assert!(
        matches!(
            cut,
            Err(FetchError::Cut {
                received_bytes: 500_000,
                ..
            })
        ),
        "{cut:?}"
    );
    assert_eq!(
        here.download().await.unwrap().sha256(),
        Sha256::of(&content())
    );
    assert_eq!(here.asked("range")[1].as_deref(), Some("bytes=500000-"));
}

#[tokio::test]
async fn nothing_is_continued_when_the_file_has_changed_meanwhile() {
    let here = Here::with(Resource::file(content()).cut_after(500_000)).await;
    let impatient = Fetcher::new(Settings {
        retry: RetryPolicy::NONE,
        ..settings()
    })
    .unwrap();
    here.download_with(&impatient, &here.request())
        .await
        .unwrap_err();
    let newer = vec![7; 600_000];
    here.vendor.put("/App.dmg", Resource::file(newer.clone()));
    assert_eq!(here.download().await.unwrap().sha256(), Sha256::of(&newer));
}

#[tokio::test]
async fn nothing_is_continued_without_a_strong_validator() {
    let weak = Resource::file(content())
        .with_header("etag", "W/\"1\"")
        .cut_after(500_000);
    let here = Here::with(weak).await;
    assert_eq!(
        here.download().await.unwrap().sha256(),
        Sha256::of(&content())
    );
    assert_eq!(here.asked("range"), [None, None]);
}

#[tokio::test]
async fn a_server_that_answers_the_whole_starts_anew() {
    let here = Here::with(Resource::file(content()).without_ranges().cut_after(9)).await;
    assert_eq!(
        here.download().await.unwrap().sha256(),
        Sha256::of(&content())
    );
}

#[tokio::test]
async fn passing_failures_are_tried_again_and_lasting_ones_are_not() {
    let here = Here::with(
        Resource::file(content())
            .failing_first(503)
            .failing_first(429),
    )
    .await;
    here.download().await.unwrap().discard().unwrap();
    assert_eq!(here.vendor.seen().len(), 3);

    here.vendor.remove("/App.dmg");
    let error = here.download().await.unwrap_err();
    assert_eq!(error.class(), FailureClass::Download);
    assert_eq!(
        error.curl_text(),
        "curl: (22) The requested URL returned error: 404"
    );
    assert_eq!(here.vendor.seen().len(), 4);
    assert!(here.names().is_empty());
}

#[tokio::test]
async fn a_spent_allowance_is_told_with_its_end_and_not_asked_for_again() {
    let spent = Resource::failure(403)
        .with_header("x-ratelimit-remaining", "0")
        .with_header("x-ratelimit-reset", "1764016320");
    let here = Here::with(spent).await;
    let download = here.download().await.unwrap_err();
    let text = fetcher().text(&here.request()).await.unwrap_err();
    for error in [download, text] {
        assert_eq!(error.class(), FailureClass::RateLimited);
        let told = error.to_string();
        let end = "answered 403: what it lets us ask is spent until 2025-11-24T20:32:00Z";
        assert!(told.ends_with(end), "{told}");
        let curl = "curl: (22) The requested URL returned error: 403";
        assert_eq!(error.curl_text(), curl);
    }
    assert_eq!(here.vendor.seen().len(), 2, "each asked once");
}

#[tokio::test]
async fn a_refusal_does_not_cost_what_has_come() {
    let here = Here::with(
        Resource::file(content())
            .cut_after(500_000)
            .failing_second(503),
    )
    .await;
    here.download().await.unwrap().discard().unwrap();
    let ranges = here.asked("range");
    assert_eq!(ranges[1].as_deref(), Some("bytes=500000-"));
    assert_eq!(ranges[2].as_deref(), Some("bytes=500000-"));
}

#[tokio::test]
async fn a_wrong_length_is_noticed() {
    let here = Here::with(Resource::file(content()).announcing(2_000_000)).await;
    let error = here.download().await.unwrap_err();
    assert!(matches!(error, FetchError::Cut { .. }), "{error:?}");
}

#[tokio::test]
async fn too_large_a_file_is_refused_before_it_is_read() {
    let here = Here::with(Resource::file(content())).await;
    let small = Fetcher::new(Settings {
        max_download_bytes: 1000,
        ..settings()
    })
    .unwrap();
    let error = here
        .download_with(&small, &here.request())
        .await
        .unwrap_err();
    assert!(
        matches!(
            error,
            FetchError::TooLarge {
                limit_bytes: 1000,
                ..
            }
        ),
        "{error:?}"
    );
    assert_eq!(here.vendor.seen().len(), 1);
}

#[tokio::test]
async fn silence_ends_with_a_time_out() {
    let here = Here::with(Resource::file(content()).stalling_after(1000)).await;
    let hasty = Fetcher::new(Settings {
        read_timeout: Duration::from_millis(50),
        retry: RetryPolicy::NONE,
        ..settings()
    })
    .unwrap();
    let error = here
        .download_with(&hasty, &here.request())
        .await
        .unwrap_err();
    assert_eq!(error.class(), FailureClass::Timeout);
}

#[tokio::test]
async fn redirects_are_followed_recorded_and_limited() {
    let here = Here::with(Resource::file(content())).await;
    here.vendor
        .put("/latest", Resource::redirect("/hop?token=secret"));
    here.vendor.put("/hop", Resource::redirect("App.dmg"));
    here.vendor.put("/loop", Resource::redirect("/loop"));
    let request = Request::get(&here.vendor.url("/latest")).unwrap();
    let pending = here.download_with(&fetcher(), &request).await.unwrap();
    let placed = pending.place(&here.target()).unwrap();
    let shown: Vec<String> = placed.redirects.iter().map(ToString::to_string).collect();
    assert_eq!(
        shown,
        [here.vendor.url("/hop?token=…"), here.vendor.url("/App.dmg")]
    );
    let request = Request::get(&here.vendor.url("/loop")).unwrap();
    let error = here.download_with(&fetcher(), &request).await.unwrap_err();
    assert_eq!(
        error.curl_text(),
        "curl: (47) Maximum (10) redirects followed"
    );
}

#[tokio::test]
async fn what_names_the_user_stays_with_its_host() {
    let here = Here::with(Resource::file(content())).await;
    let other = Vendor::start().await.unwrap();
    other.put("/away", Resource::redirect(&here.vendor.url("/App.dmg")));
    let request = Request::get(&other.url("/away"))
        .unwrap()
        .with_header("Authorization", "Bearer x")
        .unwrap()
        .with_header("X-Kept", "yes")
        .unwrap();
    let pending = here.download_with(&fetcher(), &request).await.unwrap();
    pending.discard().unwrap();
    assert_eq!(other.seen()[0].header("authorization"), Some("Bearer x"));
    assert_eq!(here.vendor.seen()[0].header("authorization"), None);
    assert_eq!(here.vendor.seen()[0].header("x-kept"), Some("yes"));
}

#[tokio::test]
async fn plain_http_needs_a_pin() {
    let here = Here::with(Resource::file(content())).await;
    let strict = Fetcher::new(Settings {
        plain_http_hosts: std::collections::BTreeSet::new(),
        ..settings()
    })
    .unwrap();
    let error = here
        .download_with(&strict, &here.request())
        .await
        .unwrap_err();
    assert_eq!(error.class(), FailureClass::Configuration);
    assert!(here.vendor.seen().is_empty());
    let pinned = here
        .request()
        .with_plain_http(PlainHttp::Pinned(Pin::Signature));
    here.download_with(&strict, &pinned)
        .await
        .unwrap()
        .discard()
        .unwrap();
}

#[tokio::test]
async fn other_schemes_and_no_addresses_are_refused() {
    let fetcher = fetcher();
    let target = Path::new("/nonexistent/x");
    for url in ["file:///etc/passwd", "ftp://vendor.example/App.dmg"] {
        let request = Request::get(url).unwrap();
        let error = fetcher.text(&request).await.unwrap_err();
        assert!(matches!(error, FetchError::Scheme { .. }), "{error:?}");
    }
    assert!(Request::get("not an address").is_err());
    let request = Request::get("https://vendor.example/").unwrap();
    let error = fetcher
        .download(&request, target, &|_, _| {})
        .await
        .unwrap_err();
    assert!(matches!(error, FetchError::File { .. }), "{error:?}");
}

#[tokio::test]
async fn a_text_is_read_whatever_its_status() {
    let here = Here::with(Resource::page("a\r\nb")).await;
    let fetcher = fetcher();
    let page = fetcher.text(&here.request()).await.unwrap();
    assert_eq!((page.text.as_str(), page.status), ("a\nb", 200));
    here.vendor.remove("/App.dmg");
    let page = fetcher.text(&here.request()).await.unwrap();
    assert_eq!(
        (page.text.as_str(), page.status),
        ("<h1>404 Not Found</h1>", 404)
    );
}

#[tokio::test]
async fn a_page_that_refuses_is_downloaded_only_where_it_is_wanted() {
    let here = Here::with(Resource::failure(404)).await;
    let error = here.download().await.unwrap_err();
    assert!(
        matches!(error, FetchError::Status { status: 404, .. }),
        "{error:?}"
    );
    let wanted = here.request().whatever_status();
    let pending = here.download_with(&fetcher(), &wanted).await.unwrap();
    assert_eq!(pending.refusal(), Some(404));
    let placed = pending.place(&here.target()).unwrap();
    let page = fs_err::read_to_string(&placed.path).unwrap();
    assert_eq!(page, "<h1>404 Not Found</h1>");
    here.vendor.put("/App.dmg", Resource::failure(503));
    let error = here.download_with(&fetcher(), &wanted).await.unwrap_err();
    assert!(
        matches!(error, FetchError::Status { status: 503, .. }),
        "{error:?}"
    );
    here.vendor.put("/App.dmg", Resource::page("x"));
    let pending = here.download_with(&fetcher(), &wanted).await.unwrap();
    assert_eq!(pending.refusal(), None);
    pending.discard().unwrap();
}

#[tokio::test]
async fn a_text_is_limited_also_when_it_is_compressed() {
    use std::io::Write as _;
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(&vec![b'a'; 1_000_000]).unwrap();
    let bomb = encoder.finish().unwrap();
    let here = Here::with(Resource::file(bomb).with_header("content-encoding", "gzip")).await;
    let whole = fetcher().text(&here.request()).await.unwrap();
    assert_eq!(whole.text.len(), 1_000_000);
    let small = Fetcher::new(Settings {
        max_text_bytes: 100_000,
        ..settings()
    })
    .unwrap();
    let error = small.text(&here.request()).await.unwrap_err();
    assert!(matches!(error, FetchError::TooLarge { .. }), "{error:?}");
}

#[tokio::test]
async fn the_program_names_itself_unless_told_otherwise() {
    let here = Here::with(Resource::page("x")).await;
    let fetcher = fetcher();
    fetcher.text(&here.request()).await.unwrap();
    let named = here.request().with_header("User-Agent", "Mozilla").unwrap();
    fetcher.text(&named).await.unwrap();
    let agents = here.asked("user-agent");
    assert_eq!(
        agents[0].as_deref(),
        Some(concat!("auto-update/", env!("CARGO_PKG_VERSION")))
    );
    assert_eq!(agents[1].as_deref(), Some("Mozilla"));
}

#[tokio::test]
async fn a_file_replaced_by_a_failed_run_is_not_taken_for_known() {
    let here = Here::with(Resource::file(content())).await;
    here.download()
        .await
        .unwrap()
        .place(&here.target())
        .unwrap()
        .commit()
        .unwrap();
    here.vendor.put("/App.dmg", Resource::file("newer"));
    let uncommitted = here
        .download()
        .await
        .unwrap()
        .place(&here.target())
        .unwrap();
    let cached = Cached::read(&uncommitted.path).unwrap().unwrap();
    assert_eq!(
        (cached.committed, cached.validators),
        (false, Validators::default())
    );
}

#[tokio::test]
async fn one_host_is_asked_by_a_few_at_a_time() {
    let here = Here::with(Resource::page("x")).await;
    let fetcher = Fetcher::new(Settings {
        per_host: 1,
        ..settings()
    })
    .unwrap();
    let request = here.request();
    let (first, second) = tokio::join!(fetcher.text(&request), fetcher.text(&request));
    assert!(first.is_ok() && second.is_ok());
}
