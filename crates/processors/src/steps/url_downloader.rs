//! `URLDownloader`.

use std::{
    fs,
    path::{Path, PathBuf},
};

use async_trait::async_trait;
use fetch::{Cached, Downloaded, Fetched, Pending, Request};
use model::Sha256;
use proplist::Value;

use super::{
    deprecation_warning::{SUMMARY as DEPRECATION, warning_row},
    summary,
};
use crate::{
    Call, Env, Input, Output, Outputs, Processor, StepContext, StepError, output_file, variables,
    web,
};

const SUMMARY: &str = "url_downloader_summary_result";

/// Downloads a file, if it is another than before.
pub(crate) struct UrlDownloader {
    name: &'static str,
    flavour: Flavour,
}

/// What sets the step's three names apart.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Flavour {
    Current,
    Deprecated,
    /// Without curl's options; writes down what it got beside the file.
    Python,
}

impl UrlDownloader {
    /// The step by its name of today.
    pub(crate) const fn current() -> Self {
        Self {
            name: "URLDownloader",
            flavour: Flavour::Current,
        }
    }

    /// The step by a name that `AutoPkg` has deprecated.
    pub(crate) const fn deprecated(name: &'static str) -> Self {
        Self {
            name,
            flavour: Flavour::Deprecated,
        }
    }

    /// The step as `AutoPkg` has it a second time, in Python instead of with curl. Here both are one client.
    pub(crate) const fn python() -> Self {
        Self {
            name: "URLDownloaderPython",
            flavour: Flavour::Python,
        }
    }
}

#[async_trait]
impl Processor for UrlDownloader {
    fn name(&self) -> &'static str {
        self.name
    }

    fn description(&self) -> &'static str {
        "Downloads a file, if it is another than in the last good run."
    }

    fn inputs(&self) -> Vec<Input> {
        let mut inputs = vec![
            Input::required("url"),
            Input::optional("download_dir"),
            Input::optional("filename"),
            Input::defaulted("prefetch_filename", false),
            Input::defaulted("CHECK_FILESIZE_ONLY", false),
            Input::optional("PKG"),
        ];
        if self.flavour == Flavour::Python {
            let headers = ["ETag", "Last-Modified", "Content-Length"].map(Value::from);
            inputs.push(Input::optional("request_headers"));
            inputs.push(Input::defaulted("COMPUTE_HASHES", false));
            inputs.push(Input::defaulted(
                "HEADERS_TO_TEST",
                Value::Array(headers.into()),
            ));
        } else {
            inputs.extend(web::inputs());
        }
        inputs
    }

    fn outputs(&self) -> Vec<Output> {
        [
            "pathname",
            "last_modified",
            "etag",
            "download_changed",
            SUMMARY,
            DEPRECATION,
        ]
        .iter()
        .take(if self.flavour == Flavour::Deprecated {
            6
        } else {
            5
        })
        .map(|name| Output { name })
        .collect()
    }

    async fn run(
        &self,
        _call: &Call,
        context: &StepContext,
        env: &mut Env,
    ) -> Result<Outputs, StepError> {
        env.shift_remove(SUMMARY);
        env.insert("last_modified".to_owned(), "".into());
        env.insert("etag".to_owned(), "".into());
        if self.flavour == Flavour::Deprecated {
            let warning = format!("{} is deprecated; use URLDownloader", self.name);
            context.messages.warn(&warning);
            env.insert(DEPRECATION.to_owned(), warning_row(env, &warning));
        }
        if let Some(given) = variables::some_text(env, "PKG")? {
            take_given(context, env, &given);
            return Ok(Outputs::Declared);
        }
        let url = variables::text(env, "url")?;
        let request = web::request(context, env, &url)?;
        let target = target(context, env, &request, &url).await?;
        env.insert("pathname".to_owned(), shown(&target).into());
        if self.flavour == Flavour::Python {
            let name = target.file_name().unwrap_or_default().to_string_lossy();
            env.insert("filename".to_owned(), name.into_owned().into());
        }
        let cached = usable_cache(&target)?;
        let fetched = download(context, env, request.clone(), &target, cached.as_ref()).await?;
        if let Some(pending) = fetched {
            let downloaded = keep(context, env, pending, &target).await?;
            if self.flavour == Flavour::Python {
                write_info(env, &downloaded, &target)?;
            }
            context.downloads.note_new(downloaded, &url);
        } else {
            context.downloads.note_unchanged(&target, &url);
            context
                .messages
                .say(&format!("Using existing {}", target.display()));
            env.insert("download_changed".to_owned(), false.into());
        }
        Ok(Outputs::Declared)
    }
}

/// A file that was downloaded by hand.
fn take_given(context: &StepContext, env: &mut Env, given: &str) {
    let path = expand_home(given, env);
    context
        .messages
        .say(&format!("Given {path}, no download needed."));
    context.downloads.note_given(Path::new(&path));
    env.insert("pathname".to_owned(), path.into());
    env.insert("download_changed".to_owned(), true.into());
}

fn expand_home(path: &str, env: &Env) -> String {
    let home = env
        .get("HOME")
        .and_then(Value::as_str)
        .map(PathBuf::from)
        .or_else(std::env::home_dir);
    match (path.strip_prefix("~/"), home) {
        (Some(rest), Some(home)) => shown(&home.join(rest)),
        _ => path.to_owned(),
    }
}

/// Where the file goes; its folder is made.
async fn target(
    context: &StepContext,
    env: &Env,
    request: &Request,
    url: &str,
) -> Result<PathBuf, StepError> {
    let name = file_name(context, env, request, url).await?;
    let folder = match variables::some_text(env, "download_dir")? {
        Some(folder) => PathBuf::from(folder),
        None => context.workspace.join("downloads"),
    };
    if name.is_empty() || name.contains(['/', '\0']) || name == "." || name == ".." {
        return Err(StepError::configuration(format!(
            "`{name}` cannot be the name of a file; set `filename`"
        )));
    }
    fs::create_dir_all(&folder).map_err(|error| {
        StepError::package(format!("Can't create {}: {error}", folder.display())).caused_by(error)
    })?;
    Ok(folder.join(name))
}

/// The name that the server says, if it is to be asked; else the recipe's; else what follows the address's last slash.
async fn file_name(
    context: &StepContext,
    env: &Env,
    request: &Request,
    url: &str,
) -> Result<String, StepError> {
    if variables::is_true(env, "prefetch_filename")
        && let Some(name) = prefetched_name(context, request).await?
    {
        return Ok(name);
    }
    if let Some(name) = variables::some_text(env, "filename")? {
        return Ok(name);
    }
    Ok(last_name(url))
}

async fn prefetched_name(
    context: &StepContext,
    request: &Request,
) -> Result<Option<String>, StepError> {
    let head = context.fetcher.head(request).await.map_err(web::failure)?;
    let named = head.content_disposition.as_deref().and_then(disposed_name);
    let redirected = head.redirected_to.map(|url| last_name(url.expose()));
    Ok(named
        .or(redirected)
        .filter(|name| !name.is_empty())
        .inspect(|name| context.messages.say(&format!("Prefetched filename {name}"))))
}

/// The name in a `Content-Disposition`, without quotes and without a parameter that follows. A server may name a
/// path; only its last name counts, or the file could land anywhere.
fn disposed_name(header: &str) -> Option<String> {
    let (_, value) = header.rsplit_once("filename=")?;
    let value = match value.trim_start().strip_prefix('"') {
        Some(quoted) => quoted.split('"').next(),
        None => value.split(';').next(),
    };
    value
        .map(|name| name.trim().rsplit(['/', '\\']).next().unwrap_or_default())
        .filter(|name| !name.is_empty())
        .map(str::to_owned)
}

fn last_name(url: &str) -> String {
    url.rsplit('/').next().unwrap_or_default().to_owned()
}

/// What an earlier good run left at `target`. An empty file is worth nothing.
fn usable_cache(target: &Path) -> Result<Option<Cached>, StepError> {
    let cached = Cached::read(target).map_err(web::failure)?;
    if cached.as_ref().is_some_and(|cached| cached.len_bytes == 0) {
        fs::remove_file(target).map_err(|error| {
            StepError::package(format!("Can't remove {}: {error}", target.display()))
                .caused_by(error)
        })?;
        return Ok(None);
    }
    Ok(cached.filter(|cached| cached.committed))
}

/// The new file beside its place; nothing if it is the one that is there.
async fn download(
    context: &StepContext,
    env: &Env,
    request: Request,
    target: &Path,
    cached: Option<&Cached>,
) -> Result<Option<Pending>, StepError> {
    let size_only = only_sizes_count(env)?;
    let known = cached
        .filter(|_| !size_only)
        .map(|cached| cached.validators.clone())
        .unwrap_or_default();
    let request = request.if_changed_from(known);
    let messages = context.messages.as_ref();
    let progress = |done, total| messages.progress(done, total);
    let fetched = context
        .fetcher
        .download(&request, target, &progress)
        .await
        .map_err(web::failure)?;
    let pending = match fetched {
        Fetched::Unchanged => {
            context.messages.say("Item at URL is unchanged.");
            return Ok(None);
        }
        Fetched::New(pending) => *pending,
    };
    let Some(cached) = cached else {
        return Ok(Some(pending));
    };
    if is_same(context, &pending, cached, target, size_only).await? {
        pending.discard().map_err(web::failure)?;
        return Ok(None);
    }
    Ok(Some(pending))
}

/// Whether the recipe wants lengths compared and nothing else.
fn only_sizes_count(env: &Env) -> Result<bool, StepError> {
    let headers = variables::texts(env, "HEADERS_TO_TEST")?;
    let only_length = !headers.is_empty()
        && headers
            .iter()
            .all(|header| header.eq_ignore_ascii_case("Content-Length"));
    Ok(only_length || variables::is_true(env, "CHECK_FILESIZE_ONLY"))
}

/// Whether a server that knows no versions sent what is there. `AutoPkg` compares lengths; here the bytes are
/// compared, unless the recipe wants lengths: a vendor's silent re-release may well have the same length.
async fn is_same(
    context: &StepContext,
    pending: &Pending,
    cached: &Cached,
    target: &Path,
    size_only: bool,
) -> Result<bool, StepError> {
    if !size_only && !pending.validators().is_empty() {
        return Ok(false);
    }
    if pending.len_bytes() != cached.len_bytes {
        return Ok(false);
    }
    if !size_only && digest(target).await? != pending.sha256() {
        return Ok(false);
    }
    context.messages.say(&format!(
        "File size returned by webserver matches that of the cached file: {} bytes",
        cached.len_bytes
    ));
    if size_only {
        context.messages.say(
            "WARNING: Matching a download by filesize is a fallback mechanism that does not guarantee that a \
             build is unchanged.",
        );
    }
    Ok(true)
}

async fn digest(path: &Path) -> Result<Sha256, StepError> {
    let path = path.to_owned();
    let hashed = tokio::task::spawn_blocking(move || {
        fs::File::open(path).and_then(|mut file| Sha256::of_reader(&mut file))
    });
    match hashed.await {
        Ok(Ok((sha256, _))) => Ok(sha256),
        Ok(Err(error)) => Err(StepError::package(format!(
            "the cached file cannot be read: {error}"
        ))),
        Err(error) => Err(StepError::package("hashing ended unexpectedly").caused_by(error)),
    }
}

/// Puts the new file into its place, and says so.
async fn keep(
    context: &StepContext,
    env: &mut Env,
    pending: Pending,
    target: &Path,
) -> Result<Downloaded, StepError> {
    let place = target.to_owned();
    let placed = tokio::task::spawn_blocking(move || pending.place(&place));
    let downloaded: Downloaded = placed
        .await
        .map_err(|error| StepError::package("writing ended unexpectedly").caused_by(error))?
        .map_err(web::failure)?;
    let path = shown(target);
    for (name, header, value) in [
        (
            "last_modified",
            "Last-Modified",
            &downloaded.validators.last_modified,
        ),
        ("etag", "ETag", &downloaded.validators.etag),
    ] {
        if let Some(value) = value {
            context
                .messages
                .say(&format!("Storing new {header} header: {value}"));
            env.insert(name.to_owned(), value.as_str().into());
        }
    }
    context.messages.say(&format!("Downloaded {path}"));
    env.insert("download_changed".to_owned(), true.into());
    env.insert(
        SUMMARY.to_owned(),
        summary(
            "The following new items were downloaded:",
            &[("download_path", &path)],
        ),
    );
    Ok(downloaded)
}

/// What `URLDownloaderPython` leaves beside a file: its size, where it came from, and its headers.
fn write_info(env: &Env, downloaded: &Downloaded, target: &Path) -> Result<(), StepError> {
    let mut headers = serde_json::Map::new();
    headers.insert("Content-Length".to_owned(), downloaded.len_bytes.into());
    for (name, value) in [
        ("ETag", &downloaded.validators.etag),
        ("Last-Modified", &downloaded.validators.last_modified),
    ] {
        headers.extend(value.clone().map(|value| (name.to_owned(), value.into())));
    }
    let name = target.file_name().unwrap_or_default();
    let mut info = serde_json::json!({
        "file_name": name.to_string_lossy(),
        "file_size": downloaded.len_bytes,
        "download_url": downloaded.url.to_string(),
        "http_headers": headers,
    });
    if let (true, Some(info)) = (
        variables::is_true(env, "COMPUTE_HASHES"),
        info.as_object_mut(),
    ) {
        let sha256 = downloaded.sha256.to_string();
        info.insert("file_sha256".to_owned(), sha256.into());
    }
    let path = PathBuf::from(format!("{}.info.json", target.display()));
    output_file::write(&path, format!("{info:#}\n")).map_err(|error| {
        StepError::package(format!("Can't write {}: {error}", path.display())).caused_by(error)
    })
}

fn shown(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_come_from_headers_without_their_paths() {
        for (header, name) in [
            (
                "attachment; filename=\"App 1.dmg\"; size=3",
                Some("App 1.dmg"),
            ),
            ("attachment; filename=App.dmg; size=3", Some("App.dmg")),
            ("attachment; filename=\"../../etc/cron.d/x\"", Some("x")),
            ("attachment; filename=\"\"", None),
            ("inline", None),
        ] {
            assert_eq!(disposed_name(header).as_deref(), name, "{header}");
        }
    }
}
