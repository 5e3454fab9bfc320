//! A real Chromium without a window, led through pages as a person goes through them, and what axe says of each.
//!
//! It is led by chromedriver, which is spoken to in JSON by curl: of the protocol less than a dozen commands are needed.
//!
//! # Source
//! W3C `WebDriver`, level 2; the command `goog/cdp/execute` of chromedriver.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail, ensure};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use rustix::process::{Pid, Signal, geteuid, kill_process};
use serde_json::{Value, json};
use tempfile::TempDir;
use url::Url;

/// How long something may take to come onto a page.
const PATIENCE: Duration = Duration::from_mins(1);

/// How long to wait before a page is looked at again.
const BREATH: Duration = Duration::from_millis(200);

/// The tallest picture of a page.
const TALLEST: f64 = 1400.0;

/// What has axe look at the page: the rules of WCAG 2.2 up to level AA, and those of good practice. Whoever asked is
/// told what is serious.
const LOOK: &str = "
const done = arguments[arguments.length - 1];
const tags = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];
axe.run(document, { runOnly: { type: 'tag', values: tags }, resultTypes: ['violations'] }).then(
  (found) => done(found.violations
    .filter((it) => it.impact === 'serious' || it.impact === 'critical')
    .map((it) => `${it.id}: ${it.help}: ${it.nodes.map((node) => node.html).join(' | ')}`)),
  (error) => done([`axe failed: ${error}`]));
";

/// In which colours a page is shown.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Scheme {
    /// Dark on light.
    Light,
    /// Light on dark.
    Dark,
}

impl Scheme {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Light, Self::Dark];

    /// As style sheets call it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }
}

/// How a reference to an element is marked.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// A browser; it ends when it is dropped.
#[derive(Debug)]
pub struct Browser {
    driver: Child,
    /// Where its driver takes commands.
    session: String,
    axe: String,
    /// Where it keeps what a browser keeps.
    profile: TempDir,
}

impl Browser {
    /// Starts one that has never been anywhere; nothing where Chromium, its driver or axe is not installed.
    ///
    /// # Errors
    /// If it does not start; in CI also where it is not installed.
    pub fn start() -> anyhow::Result<Option<Self>> {
        let Some((chromium, chromedriver, axe)) = find() else {
            ensure!(
                std::env::var_os("CI").is_none(),
                "Chromium, chromedriver or axe-core is not there: `cargo xtask setup` installs them"
            );
            return Ok(None);
        };
        let axe = fs_err::read_to_string(axe)?;
        let profile = tempfile::tempdir()?;
        let (driver, port) = started(&chromedriver)?;
        let mut browser = Self {
            driver,
            session: String::new(),
            axe,
            profile,
        };
        browser.session = format!("http://127.0.0.1:{port}/session");
        let asked = capabilities(&chromium, browser.profile.path());
        let begun = browser.ask("", &asked).context("Chromium does not start")?;
        let id = begun.get("sessionId").and_then(Value::as_str);
        let id = id.context("a session without a name")?;
        browser.session = format!("{}/{id}", browser.session);
        Ok(Some(browser))
    }

    /// Goes to an address.
    ///
    /// # Errors
    /// If the browser fails.
    pub fn open(&self, url: &str) -> anyhow::Result<()> {
        self.ask("/url", &json!({"url": url})).map(drop)
    }

    /// Where it is.
    ///
    /// # Errors
    /// If the browser fails.
    pub fn url(&self) -> anyhow::Result<Url> {
        Ok(serde_json::from_value(self.run("return location.href;")?)?)
    }

    /// What is written on the page, as somebody sees it.
    ///
    /// # Errors
    /// If the browser fails.
    pub fn text(&self) -> anyhow::Result<String> {
        let text = self.run("return document.body.innerText;")?;
        Ok(serde_json::from_value(text)?)
    }

    /// The page itself.
    ///
    /// # Errors
    /// If the browser fails.
    pub fn source(&self) -> anyhow::Result<String> {
        let source = self.run("return document.documentElement.outerHTML;")?;
        Ok(serde_json::from_value(source)?)
    }

    /// Types into the field that is labelled so, instead of what is in it.
    ///
    /// # Errors
    /// If there is none, or the browser fails.
    pub fn fill(&self, label: &str, text: &str) -> anyhow::Result<()> {
        let path = format!("//*[@id=//label[normalize-space()='{label}']/@for]");
        let field = self.one(&path)?;
        self.ask(&format!("{field}/clear"), &json!({}))?;
        self.ask(&format!("{field}/value"), &json!({"text": text}))?;
        Ok(())
    }

    /// Chooses what a list under this label offers.
    ///
    /// # Errors
    /// If there is none, or the browser fails.
    pub fn choose(&self, label: &str, text: &str) -> anyhow::Result<()> {
        let path = format!("//*[@id=//label[normalize-space()='{label}']/@for]");
        let field = self.one(&path)?;
        self.ask(&format!("{field}/value"), &json!({"text": text}))?;
        Ok(())
    }

    /// Presses the button, or follows the link, that says just this, or unfolds what begins so.
    ///
    /// # Errors
    /// If there is none, or the browser fails.
    pub fn press(&self, words: &str) -> anyhow::Result<()> {
        let path = format!(
            "//*[self::button or self::a][normalize-space()='{words}'] | \
             //summary[starts-with(normalize-space(), '{words}')]"
        );
        let found = self.one(&path)?;
        self.ask(&format!("{found}/click"), &json!({})).map(drop)
    }

    /// Loads the page again and again until that is on it.
    ///
    /// # Errors
    /// If it never is, or the browser fails.
    pub fn wait_for(&self, words: &str) -> anyhow::Result<()> {
        let until = Instant::now() + PATIENCE;
        while !self.text()?.contains(words) {
            if Instant::now() > until {
                bail!("no `{words}` on {}: {}", self.url()?, self.text()?);
            }
            thread::sleep(BREATH);
            self.ask("/refresh", &json!({}))?;
        }
        Ok(())
    }

    /// Waits until that is on the page, which has to see to it by itself: it is not loaded again.
    ///
    /// # Errors
    /// If it never is, or the browser fails.
    pub fn watch_for(&self, words: &str) -> anyhow::Result<()> {
        let until = Instant::now() + PATIENCE;
        loop {
            // Between two pages there is none to ask.
            if self.text().is_ok_and(|text| text.contains(words)) {
                return Ok(());
            }
            if Instant::now() > until {
                bail!("no `{words}` on {}: {}", self.url()?, self.text()?);
            }
            thread::sleep(BREATH);
        }
    }

    /// Shows pages in these colours, so many pixels wide, from now on.
    ///
    /// # Errors
    /// If the browser fails.
    pub fn show_as(&self, scheme: Scheme, width: u32) -> anyhow::Result<()> {
        let features = json!([{"name": "prefers-color-scheme", "value": scheme.as_str()}]);
        self.tell("Emulation.setEmulatedMedia", &json!({"features": features}))?;
        let metrics = json!({
            "width": width, "height": 800, "deviceScaleFactor": 1, "mobile": width < 600,
        });
        self.tell("Emulation.setDeviceMetricsOverride", &metrics)?;
        Ok(())
    }

    /// What axe finds wrong with the page that is serious.
    ///
    /// # Errors
    /// If the browser fails.
    pub fn violations(&self) -> anyhow::Result<Vec<String>> {
        let script = format!("{}\n{LOOK}", self.axe);
        let found = self.ask("/execute/async", &json!({"script": script, "args": []}))?;
        Ok(serde_json::from_value(found)?)
    }

    /// By how many pixels the page is wider than what is shown of it.
    ///
    /// # Errors
    /// If the browser fails.
    pub fn overflow(&self) -> anyhow::Result<i64> {
        let script = "const it = document.documentElement; return it.scrollWidth - it.clientWidth;";
        self.run(script)?.as_i64().context("no number of pixels")
    }

    /// A picture of the page, in PNG.
    ///
    /// # Errors
    /// If the browser fails.
    pub fn picture(&self) -> anyhow::Result<Vec<u8>> {
        let metrics = self.tell("Page.getLayoutMetrics", &json!({}))?;
        let of = |name: &str| {
            let size = metrics.pointer(&format!("/cssContentSize/{name}"));
            size.and_then(Value::as_f64).context("a page without size")
        };
        let clip = json!({
            "x": 0, "y": 0, "width": of("width")?, "height": of("height")?.min(TALLEST), "scale": 1,
        });
        let asked = json!({"format": "png", "captureBeyondViewport": true, "clip": clip});
        let taken = self.tell("Page.captureScreenshot", &asked)?;
        let data = taken.get("data").and_then(Value::as_str);
        Ok(STANDARD.decode(data.context("no picture")?)?)
    }

    /// Where the first element is that this `XPath` leads to.
    fn one(&self, path: &str) -> anyhow::Result<String> {
        let asked = json!({"using": "xpath", "value": path});
        let Ok(found) = self.ask("/element", &asked) else {
            bail!("no `{path}` on {}: {}", self.url()?, self.text()?);
        };
        let id = found.get(ELEMENT).and_then(Value::as_str);
        Ok(format!(
            "/element/{}",
            id.context("an element without a name")?
        ))
    }

    /// What a script on the page answers.
    fn run(&self, script: &str) -> anyhow::Result<Value> {
        self.ask("/execute/sync", &json!({"script": script, "args": []}))
    }

    /// Says something to the browser that `WebDriver` has no word for.
    fn tell(&self, command: &str, parameters: &Value) -> anyhow::Result<Value> {
        self.ask(
            "/goog/cdp/execute",
            &json!({"cmd": command, "params": parameters}),
        )
    }

    /// Has the driver do something; answers what it answers.
    fn ask(&self, command: &str, parameters: &Value) -> anyhow::Result<Value> {
        let mut curl = Command::new("curl")
            .args([
                "--silent",
                "--show-error",
                "--noproxy",
                "*",
                "--max-time",
                "120",
            ])
            .args(["--header", "Content-Type: application/json"])
            .args(["--data-binary", "@-"])
            .arg(format!("{}{command}", self.session))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .context("curl does not start")?;
        let mut input = curl.stdin.take().context("curl has no input")?;
        input.write_all(parameters.to_string().as_bytes())?;
        drop(input);
        let output = curl.wait_with_output()?;
        let complaint = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "curl {command}: {complaint}");
        let mut answer: Value = serde_json::from_slice(&output.stdout)?;
        let value = answer.get_mut("value").map(Value::take);
        let value = value.with_context(|| format!("{command}: no answer"))?;
        if let Some(error) = value.get("error").and_then(Value::as_str) {
            let message = value.get("message").and_then(Value::as_str);
            bail!("{command}: {error}: {}", message.unwrap_or_default());
        }
        Ok(value)
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // It would outlive its driver, and is known by its profile, which nobody else has.
        let mark = format!("--user-data-dir={}", self.profile.path().display());
        for process in processes_with(&mark) {
            kill_process(process, Signal::KILL).unwrap_or_default();
        }
        // It may have ended already.
        self.driver.kill().ok();
        self.driver.wait().ok();
    }
}

/// The processes that were given this argument.
fn processes_with(argument: &str) -> Vec<Pid> {
    let Ok(entries) = fs_err::read_dir("/proc") else {
        return Vec::new();
    };
    let has = |folder: &Path| {
        let line = fs_err::read(folder.join("cmdline")).unwrap_or_default();
        line.split(|byte| *byte == 0 || *byte == b' ')
            .any(|word| word == argument.as_bytes())
    };
    entries
        .flatten()
        .filter(|entry| has(&entry.path()))
        .filter_map(|entry| Pid::from_raw(entry.file_name().to_str()?.parse().ok()?))
        .collect()
}

fn capabilities(chromium: &Path, profile: &Path) -> Value {
    let mut arguments = vec![
        "--headless".to_owned(),
        "--disable-gpu".to_owned(),
        "--disable-quic".to_owned(),
        "--disable-background-networking".to_owned(),
        "--disable-component-update".to_owned(),
        "--disable-dev-shm-usage".to_owned(),
        "--disable-sync".to_owned(),
        "--hide-scrollbars".to_owned(),
        "--no-first-run".to_owned(),
        "--no-proxy-server".to_owned(),
        format!("--user-data-dir={}", profile.display()),
    ];
    if geteuid().is_root() {
        arguments.push("--no-sandbox".to_owned());
    }
    let options = json!({"binary": chromium, "args": arguments});
    json!({"capabilities": {"alwaysMatch": {"goog:chromeOptions": options}}})
}

/// How often the driver is started until it listens: it wants the port that the system gives it for IPv4 to be free for
/// IPv6 as well, and ends where somebody else has that.
const ATTEMPTS: usize = 5;

/// The driver, and the port that it listens on.
fn started(chromedriver: &Path) -> anyhow::Result<(Child, u16)> {
    for _ in 0..ATTEMPTS {
        let mut driver = Command::new(chromedriver)
            .arg("--port=0")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .context("chromedriver does not start")?;
        if let Some(port) = port_of(&mut driver)? {
            return Ok((driver, port));
        }
        driver.wait()?;
    }
    bail!("chromedriver ended before it listened, {ATTEMPTS} times")
}

/// On which port the driver says that it listens; nothing if it ends before.
fn port_of(driver: &mut Child) -> anyhow::Result<Option<u16>> {
    let output = driver.stdout.take().context("chromedriver has no output")?;
    for line in BufReader::new(output).lines() {
        let line = line?;
        let told = line.strip_suffix('.').unwrap_or(&line);
        if let Some((_, port)) = told.rsplit_once("on port ")
            && let Ok(port) = port.parse()
            && port != 0
        {
            return Ok(Some(port));
        }
    }
    Ok(None)
}

/// The browser, its driver and axe.
fn find() -> Option<(PathBuf, PathBuf, PathBuf)> {
    let chromium = ["chromium", "chromium-browser", "google-chrome"];
    let axe = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../target/axe/node_modules/axe-core/axe.min.js");
    Some((
        chromium.into_iter().find_map(program)?,
        program("chromedriver")?,
        Some(axe).filter(|axe| axe.is_file())?,
    ))
}

fn program(name: &str) -> Option<PathBuf> {
    let paths = std::env::var_os("PATH")?;
    let mut paths = std::env::split_paths(&paths).map(|folder| folder.join(name));
    paths.find(|path| path.is_file())
}
