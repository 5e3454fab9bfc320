//! What a processor may not do itself, done for it: downloads, looking into disk images, core steps that ask servers.

use std::{
    fmt::Write as _,
    path::{Component, Path, PathBuf},
    sync::Arc,
};

use fetch::{FetchError, Fetched, Request};
use media::{HostTree, MediaError, Tree};
use model::FailureClass;
use proplist::{Dict, Value};
use redact::is_secret_name;
use serde_json::{Value as Json, json};

use super::{
    links,
    talk::{Asked, Fetch},
    value, within,
};
use crate::{Env, Registry, StepContext, StepError, removal, web};

/// Variables that decide where a token goes, or which: no processor chooses them.
pub(super) const HOUSE_ONLY: [&str; 3] = ["GITHUB_TOKEN", "GITHUB_TOKEN_PATH", "GITHUB_URL"];

/// The folder in the workspace that holds what was fetched and opened; processors can read it and not change it.
pub(super) const FOLDER: &str = ".fetched";

/// Removes what community processors had fetched in an earlier run. Blocking.
///
/// # Errors
/// If it cannot be removed.
pub fn clear_fetched(workspace: &Path) -> std::io::Result<()> {
    removal::clear(&workspace.join(FOLDER))
}

/// The calls of one step.
pub(super) struct Calls<'a> {
    context: &'a StepContext,
    /// The run's variables, secrets too.
    house: &'a Env,
    folder: PathBuf,
    number: u32,
    class: Option<FailureClass>,
    /// The status of a server's refusal that is told next.
    status: Option<u16>,
}

impl<'a> Calls<'a> {
    /// For a step that begins now.
    ///
    /// # Errors
    /// If its folder cannot be made.
    pub(super) fn new(context: &'a StepContext, house: &'a Env) -> Result<Self, StepError> {
        let folder = context.workspace.join(FOLDER);
        let failed = |error: std::io::Error| {
            StepError::package(format!("{} cannot be made", folder.display())).caused_by(error)
        };
        // What is no folder was put there by somebody who wants us to write elsewhere.
        if folder.symlink_metadata().is_ok_and(|found| !found.is_dir()) {
            clear_fetched(&context.workspace).map_err(failed)?;
        }
        fs_err::create_dir_all(&folder).map_err(failed)?;
        // Files of earlier steps stay: they are yet to be scanned.
        let earlier = last_number(&folder).map_err(failed)?;
        Ok(Self {
            context,
            house,
            folder,
            number: earlier,
            class: None,
            status: None,
        })
    }

    /// Where the processor finds what was fetched for it.
    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// What kind of failure it is if the step fails now: that of the call that failed last; a page that was read and
    /// not understood has changed.
    pub(super) const fn class(&self) -> Option<FailureClass> {
        self.class
    }

    /// Does what is asked for, and answers it in the words of the conversation.
    pub(super) async fn answer(&mut self, asked: Asked) -> Json {
        self.number = self.number.saturating_add(1);
        let done = match asked {
            Asked::Fetch(fetch) => Box::pin(self.fetch(&fetch)).await,
            Asked::Mount { path } => self.mount(Path::new(&path)).await,
            Asked::Step { processor, env } => Box::pin(self.step(&processor, &env)).await,
        };
        match done {
            Ok(answer) => json!({"answer": answer}),
            Err(error) => {
                self.class = Some(error.class);
                json!({"refused": error.to_string(), "status": self.status.take()})
            }
        }
    }

    async fn fetch(&mut self, asked: &Fetch) -> Result<Json, StepError> {
        let context = self.context;
        let request = Request::get(&asked.url)
            .and_then(|request| request.with_curl_options(&asked.arguments))
            .map_err(web::failure)?;
        let request = web::allow_plain_http(&self.sandboxed(), request);
        if asked.head {
            let head = context.fetcher.head(&request).await.map_err(web::failure)?;
            let location = head.redirected_to.map(|url| url.expose().clone());
            let text = head_text(
                head.status,
                location.as_deref(),
                &[("content-disposition", head.content_disposition)],
            );
            return Ok(json!({"text": text, "status": head.status, "location": location}));
        }
        if asked.text {
            return self.text(&request, asked).await;
        }
        let request = if asked.any_status {
            request.whatever_status()
        } else {
            request
        };
        let target = self.folder.join(value::file_name(self.number, &asked.url));
        let messages = context.messages.as_ref();
        let progress = |done, total| messages.progress(done, total);
        let fetched = context.fetcher.download(&request, &target, &progress).await;
        if let Err(FetchError::Status { status, .. } | FetchError::RateLimited { status, .. }) =
            &fetched
        {
            self.status = Some(*status);
        }
        let Fetched::New(pending) = fetched.map_err(web::failure)? else {
            return Err(StepError::package("the server sent nothing"));
        };
        let status = pending.refusal().unwrap_or(200);
        if status != 200 {
            self.class = Some(FailureClass::SourceChanged);
        }
        let location = pending.redirected_to().map(|url| url.expose().clone());
        let downloaded = pending.place(&target).map_err(web::failure)?;
        let validators = downloaded.validators.clone();
        let headers = [
            ("content-length", Some(downloaded.len_bytes.to_string())),
            ("etag", validators.etag),
            ("last-modified", validators.last_modified),
        ];
        context.downloads.note_new(downloaded, &asked.url);
        let headers = head_text(status, location.as_deref(), &headers);
        Ok(json!({"file": target, "headers": headers, "status": status, "location": location}))
    }

    async fn text(&mut self, request: &Request, asked: &Fetch) -> Result<Json, StepError> {
        let read = self.context.fetcher.text(request).await;
        let read = read.map_err(web::failure)?;
        if read.status >= 400 && !asked.any_status {
            return Err(web::failure(FetchError::Status {
                url: request.shown(),
                status: read.status,
                retry_after: None,
            }));
        }
        self.class = Some(FailureClass::SourceChanged);
        Ok(json!({"text": read.text, "status": read.status}))
    }

    /// A core step that asks servers. It gets what its processor declares, and what concerns tokens from the house.
    async fn step(&mut self, processor: &str, env: &Json) -> Result<Json, StepError> {
        if !within::OUTSIDE.contains(&processor) {
            return Err(within::refused(processor));
        }
        let registry = Registry::native();
        let given = value::variables(env)
            .ok_or_else(|| StepError::package("the variables cannot be read"))?;
        let mut env: Env = registry
            .get(processor)
            .map(|native| self.declared(native, &given))
            .unwrap_or_default();
        within::perform(&registry, &self.sandboxed(), processor, &mut env).await?;
        // What a server answered, and could be other tomorrow.
        self.class = Some(FailureClass::SourceChanged);
        env.retain(|name, _| !is_secret_name(name) && !HOUSE_ONLY.contains(&name.as_str()));
        Ok(json!({"env": value::encode(&Value::Dict(env))}))
    }

    /// What is asked is chosen in the sandbox.
    fn sandboxed(&self) -> StepContext {
        StepContext {
            from_sandbox: true,
            ..self.context.clone()
        }
    }

    fn declared(&self, native: &dyn crate::Processor, given: &Dict) -> Env {
        let inputs = native.inputs().into_iter();
        inputs
            .filter_map(|input| {
                let from = if HOUSE_ONLY.contains(&&*input.name) {
                    self.house
                } else {
                    given
                };
                Some((
                    input.name.clone().into_owned(),
                    from.get(&*input.name)?.clone(),
                ))
            })
            .collect()
    }

    async fn mount(&mut self, image: &Path) -> Result<Json, StepError> {
        let workspace = self.context.workspace.clone();
        let Some(inner) = inner_path(&workspace, image) else {
            return Err(StepError::package(format!(
                "{} is not a file of this run's workspace",
                image.display()
            )));
        };
        let folder = self.folder.join(format!("{:03}-mounted", self.number));
        let into = folder.clone();
        let opened = tokio::task::spawn_blocking(move || {
            // The processor runs meanwhile: no link that it exchanges a folder for is followed.
            let house: Arc<dyn Tree> = Arc::new(HostTree::new(&workspace).map_err(failed)?);
            let tree = media::open_in(&house, &inner).map_err(failed)?;
            media::extract(&*tree, "", &into).map_err(failed)?;
            // Nobody needs those of a vendor that lead to files of this machine.
            links::remove_outward(&workspace, &into).map_err(|error| {
                StepError::package(format!("{} cannot be looked over", into.display()))
                    .caused_by(error)
            })
        });
        match opened.await {
            Ok(Ok(())) => Ok(json!({"folder": folder})),
            Ok(Err(error)) => Err(error),
            Err(error) => {
                Err(StepError::package("opening an image ended unexpectedly").caused_by(error))
            }
        }
    }
}

/// The headers as curl prints them, as far as they are kept: those of a redirect, an empty line, those of the answer.
fn head_text(status: u16, location: Option<&str>, headers: &[(&str, Option<String>)]) -> String {
    let mut text = location.map_or_else(String::new, |location| {
        format!("HTTP/1.1 302\nlocation: {location}\n\n")
    });
    // Writing to a String cannot fail.
    writeln!(text, "HTTP/1.1 {status}").unwrap_or_default();
    for (name, value) in headers {
        if let Some(value) = value {
            // Writing to a String cannot fail.
            writeln!(text, "{name}: {value}").unwrap_or_default();
        }
    }
    text
}

fn failed(error: MediaError) -> StepError {
    StepError::package(error.to_string()).caused_by(error)
}

/// Where `path` lies in the workspace; nothing if its words lead elsewhere.
fn inner_path(workspace: &Path, path: &Path) -> Option<String> {
    let real = fs_err::canonicalize(workspace).ok();
    let bases = [Some(workspace), real.as_deref()];
    let inner = bases
        .into_iter()
        .flatten()
        .find_map(|base| path.strip_prefix(base).ok())?;
    let is_plain = |part: Component<'_>| matches!(part, Component::Normal(_));
    if !inner.components().all(is_plain) {
        return None;
    }
    inner.to_str().map(str::to_owned)
}

/// The highest number that a file in `folder` begins with: what was fetched is not written over.
fn last_number(folder: &Path) -> std::io::Result<u32> {
    let mut last = 0;
    for entry in fs_err::read_dir(folder)? {
        let name = entry?.file_name();
        let name = name.to_string_lossy();
        let number = name
            .split('-')
            .next()
            .and_then(|number| number.parse().ok());
        last = last.max(number.unwrap_or_default());
    }
    Ok(last)
}
