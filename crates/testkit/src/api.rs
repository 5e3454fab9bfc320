//! The API, asked by curl as a program would, and by Schemathesis as nobody else would.

use std::{
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context as _, ensure};
use serde_json::Value;

/// Where the API is, and the token that it is asked with.
#[derive(Clone)]
pub struct Api {
    root: String,
    token: String,
}

impl std::fmt::Debug for Api {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Api")
            .field("root", &self.root)
            .finish_non_exhaustive()
    }
}

/// What came back.
#[derive(Clone, Debug)]
pub struct Answer {
    /// Its status.
    pub status: u16,
    /// What it says.
    pub text: String,
}

impl Answer {
    /// What it says, as JSON; null if it is none.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_default()
    }
}

impl Api {
    /// On this machine, without TLS.
    pub fn plain(port: u16, token: &str) -> Self {
        Self {
            root: format!("http://127.0.0.1:{port}/api/v1"),
            token: token.to_owned(),
        }
    }

    /// Asks for something.
    ///
    /// # Errors
    /// If nothing comes back.
    pub fn get(&self, path: &str) -> anyhow::Result<Answer> {
        self.ask(&["GET", path], None, "")
    }

    /// Changes something, once if there is a key.
    ///
    /// # Errors
    /// If nothing comes back.
    pub fn post(&self, path: &str, body: &Value, key: &str) -> anyhow::Result<Answer> {
        self.ask(&["POST", path], Some(body), key)
    }

    fn ask(&self, line: &[&str; 2], body: Option<&Value>, key: &str) -> anyhow::Result<Answer> {
        let [method, path] = line;
        let mut curl = Command::new("curl");
        curl.args(["--silent", "--show-error", "--noproxy", "*"])
            .args(["--request", method, "--header", "@-"])
            .args(["--write-out", "\\n%{http_code}"]);
        if let Some(body) = body {
            curl.args(["--data-raw", &body.to_string()]);
        }
        let mut head = format!("Authorization: Bearer {}\n", self.token);
        if body.is_some() {
            head += "Content-Type: application/json\n";
        }
        if !key.is_empty() {
            head.extend(["Idempotency-Key: ", key, "\n"]);
        }
        let mut asking = curl
            .arg(format!("{}{path}", self.root))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        let mut stdin = asking.stdin.take().context("curl has no input")?;
        stdin.write_all(head.as_bytes())?;
        drop(stdin);
        let output = asking.wait_with_output()?;
        let complaint = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "curl {path}: {complaint}");
        let text = String::from_utf8_lossy(&output.stdout);
        let (text, status) = text.rsplit_once('\n').context("no status")?;
        Ok(Answer {
            status: status.parse()?,
            text: text.to_owned(),
        })
    }

    /// What asks everything that the document of the API allows, and what it does not, with the program at `tester`.
    pub fn tester(&self, tester: &Path) -> Command {
        let mut command = Command::new(tester);
        command
            .args(["run", "--no-color", "--header"])
            .arg(format!("Authorization: Bearer {}", self.token))
            .arg(format!("{}/openapi.json", self.root));
        command
    }
}

/// Where `cargo xtask setup` has put Schemathesis, if it has.
pub fn find_tester() -> Option<PathBuf> {
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/api-tester/bin/st");
    own.exists().then_some(own)
}
