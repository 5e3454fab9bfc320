//! The pages in a real browser, as people use them, and as axe judges them.
//!
//! Where Chromium, chromedriver or axe is not installed the tests say that they are skipped. With `AUTO_UPDATE_SCREENSHOTS`
//! set they put pictures of every page into `docs/screenshots`.

mod administration;
mod catalogue;
mod house;
mod picture;

use std::{
    net::TcpListener,
    path::Path,
    time::{Duration, Instant},
};

use serde_json::Value;
use testkit::browser::{Browser, Scheme};

use crate::small::Small;

/// How wide a phone's and a desk's window are, in pixels.
const PHONE: u32 = 390;
const DESK: u32 = 1280;

/// How long the service may take to listen.
const LONGEST: Duration = Duration::from_mins(1);

/// Somebody with a browser.
struct Visitor {
    browser: Browser,
    origin: String,
}

impl Visitor {
    /// Somebody who looks at the pages on this port; nobody where there is no browser.
    fn with_browser(port: u16) -> Option<Self> {
        if std::env::var_os(testkit::SERVER).is_some() {
            eprintln!("skipped: on PostgreSQL the pages look the same");
            return None;
        }
        let Some(browser) = Browser::start().unwrap() else {
            eprintln!("skipped: Chromium, chromedriver or axe-core is not installed");
            return None;
        };
        let origin = format!("http://localhost:{port}");
        browser.show_as(Scheme::Light, DESK).unwrap();
        Some(Self { browser, origin })
    }

    fn go(&self, path: &str) {
        let url = format!("{}{path}", self.origin);
        self.browser.open(&url).unwrap();
    }

    fn press(&self, words: &str) {
        self.browser.press(words).unwrap();
    }

    fn fill(&self, label: &str, text: &str) {
        self.browser.fill(label, text).unwrap();
    }

    /// What was pressed leads to that page, which may take the browser a moment.
    fn arrives(&self, path: &str) {
        let latest = Instant::now() + LONGEST;
        loop {
            let url = self.browser.url().unwrap();
            if url.path() == path {
                return;
            }
            assert!(Instant::now() < latest, "not at `{path}`, but {url}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// That is on the page, or on the one that what was pressed leads to.
    fn sees(&self, words: &str) {
        self.browser.watch_for(words).unwrap();
    }

    /// That is not on the page, or on the one that what was pressed leads to, which may take the browser a moment.
    fn does_not_see(&self, words: &str) {
        let latest = Instant::now() + LONGEST;
        loop {
            let text = self.browser.text().unwrap();
            if !text.contains(words) {
                return;
            }
            assert!(Instant::now() < latest, "`{words}` is on the page: {text}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Everybody can use the page: axe finds nothing serious in it, light or dark, and on a phone it is no wider than
    /// that.
    fn judge(&self, name: &str) {
        self.judge_unseen(name);
        if std::env::var_os("AUTO_UPDATE_SCREENSHOTS").is_some() {
            self.take_pictures(name);
            self.browser.show_as(Scheme::Light, DESK).unwrap();
        }
    }

    /// As [`Self::judge`], of a page that shows secrets: there are no pictures of it.
    fn judge_unseen(&self, name: &str) {
        for (scheme, width) in [(Scheme::Light, DESK), (Scheme::Dark, PHONE)] {
            self.browser.show_as(scheme, width).unwrap();
            let found = self.browser.violations().unwrap();
            let nothing: [String; 0] = [];
            assert_eq!(found, nothing, "{name}, {}, {width}", scheme.as_str());
            let over = self.browser.overflow().unwrap();
            assert!(over <= 0, "{name} is {over} pixels wider than {width}");
        }
        self.browser.show_as(Scheme::Light, DESK).unwrap();
    }

    fn take_pictures(&self, name: &str) {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/screenshots");
        fs_err::create_dir_all(&folder).unwrap();
        for scheme in Scheme::ALL {
            for width in [PHONE, DESK] {
                self.browser.show_as(scheme, width).unwrap();
                let png = picture::small(&self.browser.picture().unwrap());
                let file = format!("{name}-{}-{width}.png", scheme.as_str());
                fs_err::write(folder.join(file), png).unwrap();
            }
        }
    }
}

/// A page that is bad on purpose: otherwise nobody would know whether axe looks.
#[test]
fn what_not_everybody_can_use_is_told() {
    let Some(browser) = Browser::start().unwrap() else {
        eprintln!("skipped: Chromium, chromedriver or axe-core is not installed");
        return;
    };
    let bad = "data:text/html,<img src=x><p style='color:%23ccc'>pale</p><input>";
    browser.open(bad).unwrap();
    let found = browser.violations().unwrap().join("\n");
    for told in ["image-alt", "color-contrast", "label", "html-has-lang"] {
        assert!(found.contains(told), "{told}: {found}");
    }
}

/// A port that is free now.
fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

/// Adds sections to the configuration.
fn configure(small: &Small, sections: &str) {
    let file = small.house.config_file();
    let config = fs_err::read_to_string(&file).unwrap();
    fs_err::write(file, format!("{config}\n{sections}\n")).unwrap();
}

/// What a verb says in JSON.
async fn told(small: &Small, arguments: &[&str]) -> Value {
    let arguments = [arguments, &["--json"]].concat();
    serde_json::from_str(&small.expect(&arguments, 0).await).unwrap()
}

/// Waits until somebody listens on this port.
async fn listening(port: u16) {
    let up = async {
        while tokio::net::TcpStream::connect(("127.0.0.1", port))
            .await
            .is_err()
        {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    tokio::time::timeout(LONGEST, up).await.unwrap();
}
