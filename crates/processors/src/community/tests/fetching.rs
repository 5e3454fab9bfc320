//! What processors have the program fetch, and how.

use std::sync::Arc;

use fetch::{Fetcher, Pin, RetryPolicy, Settings};
use model::FailureClass;
use serde_json::json;
use testkit::vendor::Resource;

use super::Shelf;

#[tokio::test]
async fn a_pin_lets_no_processor_ask_what_it_likes_without_encryption() {
    let mut shelf = Shelf::new().await;
    shelf.bench.vendor.put("/feed", Resource::page("<rss/>"));
    let url = json!({"url": shelf.bench.vendor.url("/feed")});
    let strict = Settings {
        retry: RetryPolicy::NONE,
        ..Settings::default()
    };
    shelf.bench.context.fetcher = Arc::new(Fetcher::new(strict).unwrap());
    shelf.bench.context.pin = Some(Pin::Signature);
    for (body, why) in [
        (
            "self.download(self.env['url'], text=True)",
            "on this machine",
        ),
        (
            "self.download_to_file(self.env['url'], 'x')",
            "on this machine",
        ),
        (
            "import urllib.request\nurllib.request.urlopen(self.env['url'])",
            "on this machine",
        ),
        (
            "from autopkglib import SparkleUpdateInfoProvider\n\
             SparkleUpdateInfoProvider({'appcast_url': self.env['url']}).process()",
            "on this machine",
        ),
        (
            "self.execute_curl(['curl', '-d', 'a=b', 'http://vendor.example/'])",
            "only GET and HEAD",
        ),
    ] {
        let failed = shelf.run(body, url.clone()).await.unwrap_err();
        assert!(failed.message.contains(why), "{body}: {failed}");
        assert!(failed.message.contains("fetch.plain-http-hosts"));
        assert_eq!(failed.class, FailureClass::Configuration);
    }
    assert!(shelf.bench.vendor.seen().is_empty());
}

#[tokio::test]
async fn curls_options_are_read_as_curl_reads_them() {
    let mut shelf = Shelf::new().await;
    shelf.bench.vendor.put("/App.dmg", Resource::file("image"));
    let url = json!({"url": shelf.bench.vendor.url("/App.dmg")});
    let body = "url = self.env['url']\n\
        self.execute_curl(['curl', '-sSLo', 'a', url])\n\
        self.execute_curl(['curl', '-fsSLob', '--user', 'ann:s3cret', url])\n\
        self.execute_curl(['curl', '-A', '-o', '-e', 'https://vendor.example/', '--create-dirs', '-o', 'new/c', url])\n\
        self.env['made'] = [open(name).read() for name in ('a', 'b', 'new/c')]\n\
        self.env['made'].append(self.execute_curl(['curl', '-sIw', '%{http_code}', '-o', '/dev/null', url])[0])";
    shelf.run(body, url.clone()).await.unwrap();
    let made = serde_json::Value::from(&shelf.bench.env["made"]);
    assert_eq!(made, json!(["image", "image", "image", "200"]));
    let seen = shelf.bench.vendor.seen();
    assert_eq!(
        seen[1].header("authorization"),
        Some("Basic YW5uOnMzY3JldA==")
    );
    assert_eq!(seen[2].header("user-agent"), Some("-o"));
    let body = "self.execute_curl(['curl', '-sSq', '-us3cret', self.env['url']])";
    let failed = shelf.run(body, url).await.unwrap_err();
    assert!(failed.message.contains("`-q`"), "{failed}");
}

#[tokio::test]
async fn a_page_is_had_whatever_its_status_unless_told_otherwise() {
    let mut shelf = Shelf::new().await;
    let vendor = &shelf.bench.vendor;
    vendor.put("/gone", Resource::failure(404));
    let url = json!({"url": vendor.url("/gone")});
    let body = "url = self.env['url']\n\
        self.env['made'] = [self.download(url).decode(), self.download(url, text=True)]\n\
        self.env['made'].append(self.execute_curl(['curl', '-w', '%{http_code}', url])[0][-3:])";
    shelf.run(body, url.clone()).await.unwrap();
    let made = serde_json::Value::from(&shelf.bench.env["made"]);
    let page = "<h1>404 Not Found</h1>";
    assert_eq!(made, json!([page, page, "404"]));
    for body in [
        "self.execute_curl(['curl', '-fsSL', self.env['url']])",
        "self.execute_curl(['curl', '--fail', self.env['url']], text=False)",
        "self.download_to_file(self.env['url'], 'page')",
    ] {
        let failed = shelf.run(body, url.clone()).await.unwrap_err();
        assert!(failed.message.contains("404"), "{body}: {failed}");
        assert_eq!(failed.class, FailureClass::Download, "{body}");
    }
}

#[tokio::test]
async fn headers_tell_of_a_redirect() {
    let mut shelf = Shelf::new().await;
    let vendor = &shelf.bench.vendor;
    vendor.put("/latest", Resource::redirect("/Widget-2.0.dmg"));
    vendor.put("/Widget-2.0.dmg", Resource::file("image"));
    let url = json!({"url": vendor.url("/latest"), "direct": vendor.url("/Widget-2.0.dmg")});
    let body = "def told(*words):\n    \
        header = self.parse_headers(self.download_with_curl(['curl', *words]))\n    \
        redirected = header['http_redirected']\n    \
        return [header['http_result_code'], redirected and redirected.rpartition('/')[2], 'location' in header]\n\
        self.env['made'] = [told('--head', self.env['url']), told('-I', self.env['direct'])]\n\
        self.env['made'].append(told('-D', '-', '-o', 'x', self.env['url']))\n\
        import urllib.request\n\
        with urllib.request.urlopen(self.env['url']) as response:\n    \
        self.env['made'].append(response.headers['content-length'])";
    shelf.run(body, url).await.unwrap();
    let made = serde_json::Value::from(&shelf.bench.env["made"]);
    let redirected = json!(["200", "Widget-2.0.dmg", false]);
    let expected = json!([redirected, ["200", null, false], redirected, "5"]);
    assert_eq!(made, expected);
    let prefetched = "from autopkglib import URLDownloader\n\
        processor = URLDownloader({'url': self.env['url']})\n\
        self.env['made'] = processor.prefetch_filename()";
    let url = json!({"url": shelf.bench.vendor.url("/latest")});
    shelf.run(prefetched, url).await.unwrap();
    assert_eq!(shelf.bench.text("made"), "Widget-2.0.dmg");
}
