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
