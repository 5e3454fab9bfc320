//! The administration pages, asked by curl as a browser would.

use std::{path::Path, process::Command};

use anyhow::{Context as _, ensure};
use model::{Clock as _, SystemClock};
use totp_rs::{Builder, Secret};

/// Where the pages are, and how they are reached.
#[derive(Debug)]
pub struct Pages {
    origin: String,
    curl: Vec<String>,
}

/// What came back.
#[derive(Debug)]
pub struct Page {
    /// Everything: status, headers and the page.
    pub text: String,
    /// Its status.
    pub status: u16,
}

impl Page {
    /// What the browser has to hold from then on.
    ///
    /// # Errors
    /// If there is nothing.
    pub fn cookie(&self) -> anyhow::Result<String> {
        let line = self.text.lines();
        let mut line = line.filter_map(|line| line.strip_prefix("set-cookie: "));
        let held = line.next().and_then(|held| held.split(';').next());
        held.map(str::to_owned)
            .with_context(|| format!("no cookie in {}", self.text))
    }

    /// What stands between two texts.
    ///
    /// # Errors
    /// If they are not there.
    pub fn between(&self, before: &str, after: &str) -> anyhow::Result<&str> {
        let rest = self.text.split_once(before).map(|(_, rest)| rest);
        let found = rest.and_then(|rest| rest.split_once(after));
        let (found, _) = found.with_context(|| format!("no `{before}` in {}", self.text))?;
        Ok(found)
    }

    /// What has to come with every form.
    ///
    /// # Errors
    /// If there is no form.
    pub fn form_token(&self) -> anyhow::Result<String> {
        Ok(self
            .between("name=\"form_token\" value=\"", "\"")?
            .to_owned())
    }
}

impl Pages {
    /// On this machine, without TLS.
    pub fn plain(port: u16) -> Self {
        Self {
            origin: format!("http://127.0.0.1:{port}"),
            curl: Vec::new(),
        }
    }

    /// Over TLS, under a name.
    pub fn over_tls(name: &str, port: u16, certificate: &Path) -> Self {
        Self {
            origin: format!("https://{name}:{port}"),
            curl: vec![
                "--cacert".to_owned(),
                certificate.display().to_string(),
                "--resolve".to_owned(),
                format!("{name}:{port}:127.0.0.1"),
            ],
        }
    }

    /// Asks for a page, or sends a form if there is something in it.
    ///
    /// # Errors
    /// If nothing comes back.
    pub fn ask(&self, path: &str, cookie: &str, form: &[(&str, &str)]) -> anyhow::Result<Page> {
        let mut curl = Command::new("curl");
        curl.args(["--silent", "--show-error", "--include", "--noproxy", "*"])
            .args(&self.curl)
            .args(["--header", &format!("Cookie: {cookie}")]);
        for (name, value) in form {
            curl.args(["--data-urlencode", &format!("{name}={value}")]);
        }
        if !form.is_empty() {
            curl.args(["--header", &format!("Origin: {}", self.origin)]);
        }
        let output = curl.arg(format!("{}{path}", self.origin)).output()?;
        let complaint = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "curl {path}: {complaint}");
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let status = text.split(' ').nth(1).unwrap_or_default().parse()?;
        Ok(Page { text, status })
    }

    /// Signs in; answers what the browser holds, and what has to come with forms.
    ///
    /// # Errors
    /// If that does not go well.
    pub fn sign_in(
        &self,
        name: &str,
        password: &str,
        secret: &str,
    ) -> anyhow::Result<(String, String)> {
        let code = code(secret)?;
        let form = [("name", name), ("password", password), ("code", &code)];
        let cookie = self.ask("/sign-in", "", &form)?.cookie()?;
        let page = self.ask("/tenants", &cookie, &[])?;
        Ok((cookie, page.form_token()?))
    }
}

/// The one-time code of this minute.
///
/// # Errors
/// If the secret is none.
pub fn code(secret: &str) -> anyhow::Result<String> {
    let Ok(secret) = Secret::try_from_base32(secret) else {
        anyhow::bail!("the secret is no base32");
    };
    let codes = Builder::new().with_secret(secret).with_step_duration(60);
    let Ok(codes) = codes.build() else {
        anyhow::bail!("the secret is none");
    };
    let seconds = u64::try_from(SystemClock.now().as_micros() / 1_000_000)?;
    Ok(codes.generate(seconds).to_string())
}
