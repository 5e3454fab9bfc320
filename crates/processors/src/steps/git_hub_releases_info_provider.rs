//! `GitHubReleasesInfoProvider`.

use async_trait::async_trait;
use fetch::{FetchError, Request};
use model::{FailureClass, chain};
use serde::Deserialize;

use crate::{
    Call, Env, Input, Output, Outputs, Processor, StepContext, StepError, regex::Pattern,
    variables, version_order, web,
};

/// A project with more releases without a matching file than this has none.
const MOST_PAGES: u32 = 50;

/// Finds the newest release of a project on GitHub.
pub(crate) struct GitHubReleasesInfoProvider;

/// A release, as far as it matters here.
#[derive(Clone, Debug, Deserialize)]
struct Release {
    tag_name: String,
    #[serde(default)]
    prerelease: bool,
    #[serde(default)]
    draft: bool,
    body: Option<String>,
    #[serde(default)]
    assets: Vec<Asset>,
}

/// A file of a release.
#[derive(Clone, Debug, Deserialize)]
struct Asset {
    name: String,
    url: String,
    browser_download_url: String,
    created_at: Option<String>,
    /// What its bytes have: `sha256:…`. Assets of before June 2025 have none.
    digest: Option<String>,
}

#[async_trait]
impl Processor for GitHubReleasesInfoProvider {
    fn name(&self) -> &'static str {
        "GitHubReleasesInfoProvider"
    }

    fn description(&self) -> &'static str {
        "Finds the newest release of a project on GitHub, and a file in it."
    }

    fn inputs(&self) -> Vec<Input> {
        vec![
            Input::required("github_repo"),
            Input::optional("asset_regex"),
            Input::optional("include_prereleases"),
            Input::optional("latest_only"),
            Input::optional("sort_by_highest_tag_names"),
            Input::optional("curl_opts"),
            Input::defaulted("CURL_PATH", "/usr/bin/curl"),
            Input::defaulted("GITHUB_URL", "https://api.github.com"),
            Input::optional("GITHUB_TOKEN"),
            Input::defaulted("GITHUB_TOKEN_PATH", "~/.autopkg_gh_token"),
            Input::defaulted("GITHUB_RELEASES_PER_PAGE", 30_i64),
        ]
    }

    fn outputs(&self) -> Vec<Output> {
        [
            "release_notes",
            "url",
            "asset_url",
            "version",
            "asset_created_at",
        ]
        .iter()
        .map(|name| Output { name })
        .collect()
    }

    async fn run(
        &self,
        _call: &Call,
        context: &StepContext,
        env: &mut Env,
    ) -> Result<Outputs, StepError> {
        let wanted = Wanted::of(env)?;
        let (release, asset) = find(context, env, &wanted).await?;
        context.messages.say(&format!(
            "Selected asset '{}' from release '{}'",
            asset.name, release.tag_name
        ));
        if let Some(digest) = &asset.digest {
            let addresses = [&*asset.browser_download_url, &asset.url];
            context
                .proofs
                .offer_github_digest(&asset.name, &addresses, digest);
        }
        let values = [
            ("release_notes", release.body.unwrap_or_default()),
            ("url", asset.browser_download_url),
            ("asset_url", asset.url),
            ("version", version_of_tag(&release.tag_name).to_owned()),
            ("asset_created_at", asset.created_at.unwrap_or_default()),
        ];
        for (name, value) in values {
            env.insert(name.to_owned(), value.into());
        }
        Ok(Outputs::Declared)
    }
}

/// Which release and file are wanted.
struct Wanted {
    repository: String,
    asset: Option<Pattern>,
    prereleases: bool,
    latest_only: bool,
    highest_tag: bool,
}

impl Wanted {
    fn of(env: &Env) -> Result<Self, StepError> {
        let source = variables::some_text(env, "asset_regex")?;
        let asset = source
            .map(|source| {
                Pattern::at_start(&source).map_err(|error| {
                    let text = format!("Invalid regex: {source} ({})", chain(&error));
                    StepError::configuration(text).caused_by(error)
                })
            })
            .transpose()?;
        Ok(Self {
            repository: variables::text(env, "github_repo")?,
            asset,
            prereleases: variables::is_true(env, "include_prereleases"),
            latest_only: variables::is_true(env, "latest_only"),
            highest_tag: variables::is_true(env, "sort_by_highest_tag_names"),
        })
    }

    /// The first release, in the page's order, that has a wanted file.
    fn choose(&self, mut releases: Vec<Release>) -> Result<Option<(Release, Asset)>, StepError> {
        if self.highest_tag {
            releases.sort_by(|left, right| version_order::compare(&right.tag_name, &left.tag_name));
        }
        for release in releases {
            if release.draft || (release.prerelease && !self.prereleases) {
                continue;
            }
            for asset in &release.assets {
                if self.wants(asset)? {
                    let asset = asset.clone();
                    return Ok(Some((release, asset)));
                }
            }
        }
        Ok(None)
    }

    fn wants(&self, asset: &Asset) -> Result<bool, StepError> {
        let Some(pattern) = &self.asset else {
            return Ok(true);
        };
        pattern
            .search(&asset.name)
            .map(|found| found.is_some())
            .map_err(|error| StepError::configuration(chain(&error)).caused_by(error))
    }
}

async fn find(
    context: &StepContext,
    env: &Env,
    wanted: &Wanted,
) -> Result<(Release, Asset), StepError> {
    let base = variables::text(env, "GITHUB_URL")?;
    let base = base.trim_end_matches('/');
    let repository = &wanted.repository;
    let none = |page: u32| {
        web::source_changed(format!(
            "No releases found for repo '{repository}' on page {page}"
        ))
    };
    if wanted.latest_only {
        let url = format!("{base}/repos/{repository}/releases/latest");
        let json = ask(context, env, &url).await?;
        let releases = vec![parse::<Release>(&json)?];
        return wanted.choose(releases)?.ok_or_else(|| none(1));
    }
    let per_page = env
        .get("GITHUB_RELEASES_PER_PAGE")
        .map_or_else(|| "30".to_owned(), proplist::str_form);
    for page in 1..=MOST_PAGES {
        let url = format!("{base}/repos/{repository}/releases?page={page}&per_page={per_page}");
        let releases: Vec<Release> = parse(&ask(context, env, &url).await?)?;
        if releases.is_empty() {
            return Err(none(page));
        }
        if let Some(found) = wanted.choose(releases)? {
            return Ok(found);
        }
    }
    Err(none(MOST_PAGES))
}

async fn ask(context: &StepContext, env: &Env, url: &str) -> Result<String, StepError> {
    let options = variables::texts(env, "curl_opts")?;
    let mut request = Request::get(url)
        .and_then(|request| request.with_curl_options(&options))
        .and_then(|request| request.with_header("Accept", "application/vnd.github.v3+json"))
        .and_then(|request| request.with_header("User-Agent", "AutoPkg"))
        .map_err(web::failure)?;
    if let Some(token) = token(env)? {
        request = request
            .with_header("Authorization", &format!("token {token}"))
            .map_err(web::failure)?;
    }
    let page = context.fetcher.text(&request).await.map_err(too_often)?;
    let refused = |class, advice: &str| {
        let text = format!(
            "curl: (22) The requested URL returned error: {}",
            page.status
        );
        Err(StepError::new(class, text).with_next_step(advice))
    };
    match page.status {
        200..=299 => Ok(page.text),
        403 if page.text.contains("rate limit") => refused(
            FailureClass::RateLimited,
            "Set the preference `GITHUB_TOKEN`: GitHub allows more questions with one.",
        ),
        401 | 403 => refused(
            FailureClass::Configuration,
            "Check the preference `GITHUB_TOKEN`: GitHub does not accept it.",
        ),
        _ => refused(
            FailureClass::SourceChanged,
            "Look at the project on GitHub and correct `github_repo`.",
        ),
    }
}

/// What GitHub lets us ask is spent: with a token it is more.
fn too_often(error: FetchError) -> StepError {
    match &error {
        FetchError::RateLimited { renewal, .. } => {
            let advice = format!(
                "What GitHub lets us ask is spent {renewal}; a run after that goes on. Set the preference \
                 `GITHUB_TOKEN`: GitHub allows more questions with one."
            );
            web::failure(error).with_next_step(advice)
        }
        _ => web::failure(error),
    }
}

/// The preference wins over the file; no file is no error.
fn token(env: &Env) -> Result<Option<String>, StepError> {
    if let Some(token) = variables::some_text(env, "GITHUB_TOKEN")? {
        return Ok(Some(token));
    }
    let path = variables::text(env, "GITHUB_TOKEN_PATH")?;
    let path = match (path.strip_prefix("~/"), std::env::home_dir()) {
        (Some(rest), Some(home)) => home.join(rest),
        _ => path.into(),
    };
    Ok(fs_err::read_to_string(path)
        .ok()
        .map(|text| text.trim().to_owned())
        .filter(|token| !token.is_empty()))
}

fn parse<T: for<'de> Deserialize<'de>>(json: &str) -> Result<T, StepError> {
    serde_json::from_str(json).map_err(|error| {
        web::source_changed(format!("GitHub's answer cannot be read: {error}")).caused_by(error)
    })
}

/// `v1.2` is version 1.2; as `lstrip("v.")` in Python.
fn version_of_tag(tag: &str) -> &str {
    if tag.starts_with('v') {
        tag.trim_start_matches(['v', '.'])
    } else {
        tag
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_become_versions() {
        for (tag, version) in [
            ("v1.2", "1.2"),
            ("v.1", "1"),
            ("1.2", "1.2"),
            ("version", "ersion"),
        ] {
            assert_eq!(version_of_tag(tag), version);
        }
    }
}
