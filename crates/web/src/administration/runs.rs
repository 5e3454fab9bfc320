//! Runs, what their steps did, and what they published.

use askama::Template;
use axum::{
    extract::{Path, Query},
    http::{HeaderValue, header},
    response::{IntoResponse as _, Response},
};
use model::{RunId, RunState, Timestamp, Title};
use pipeline::{Engine, Failure};
use serde::Deserialize;
use serde_json::Value;
use store::{Download, Publication, Run, RunFilter, Step};

use super::{
    gate::Asking,
    page::{self, Top},
    works::{Works, not_done},
};
use crate::visit;

/// How many runs are on a page.
const ON_A_PAGE: u32 = 100;

/// The most that is shown of what a step read, set or said, in bytes; the end of it.
const SHOWN: usize = 8 << 10;

#[derive(Template)]
#[template(path = "administration/runs.html")]
struct List {
    top: Top,
    /// Of which title, and in which state; all if it says nothing.
    title: String,
    state: String,
    states: [&'static str; 9],
    runs: Vec<Run>,
    /// Before which one there may be more.
    older: Option<RunId>,
}

#[derive(Deserialize)]
pub(super) struct Asked {
    #[serde(default)]
    title: String,
    #[serde(default)]
    state: String,
    before: Option<RunId>,
}

/// The newest runs that are meant.
pub(super) async fn list(
    Works(engine): Works,
    asking: Asking,
    Query(asked): Query<Asked>,
) -> Response {
    let filter = RunFilter {
        title: asked.title.trim().parse::<Title>().ok(),
        state: asked.state.parse::<RunState>().ok(),
        before: asked.before,
    };
    match engine.db().run_page(&filter, ON_A_PAGE).await {
        Ok(runs) => {
            let is_full = u32::try_from(runs.len()).is_ok_and(|count| count == ON_A_PAGE);
            visit::with_script(page::show(&List {
                top: Top::of(&asking.session),
                title: filter
                    .title
                    .map_or_else(String::new, |title| title.to_string()),
                state: filter.state.map_or("", RunState::as_str).to_owned(),
                states: RunState::ALL.map(RunState::as_str),
                older: runs.last().map(|run| run.id).filter(|_| is_full),
                runs,
            }))
        }
        Err(error) => page::failed(&error),
    }
}

/// A step, as a page shows it.
pub(super) struct Shown {
    step: Step,
    took: String,
    input: String,
    output: String,
    said: String,
}

/// What a run published, as a page shows it.
pub(super) struct Put {
    publication: Publication,
    /// Name and version of each item, and where its evidence is.
    items: Vec<(String, Vec<String>)>,
}

/// What there is to see of a run; it changes until that is over.
#[derive(Template)]
#[template(path = "administration/run_part.html")]
pub(super) struct RunPart {
    pub(super) run: Run,
    steps: Vec<Shown>,
    downloads: Vec<Download>,
    put: Vec<Put>,
    /// What it does now, in a few words.
    now: String,
}

impl RunPart {
    /// Nothing if there is no such run.
    pub(super) async fn of(engine: &Engine, id: RunId) -> Result<Option<Self>, Failure> {
        let db = engine.db();
        let Some(run) = db.run_find(id).await? else {
            return Ok(None);
        };
        let steps = db.step_list(id).await?;
        let mut put = Vec::new();
        for publication in db.publication_of_run(id).await? {
            put.push(Put {
                items: items(engine, &publication).await?,
                publication,
            });
        }
        Ok(Some(Self {
            now: now(&run, &steps),
            downloads: db.download_list(id).await?,
            steps: steps.into_iter().map(shown).collect(),
            put,
            run,
        }))
    }

    /// Whether nothing changes any more.
    pub(super) const fn is_over(&self) -> bool {
        self.run.finished_at.is_some()
    }
}

#[derive(Template)]
#[template(path = "administration/run.html")]
struct OneRun {
    top: Top,
    part: RunPart,
}

/// A run, and what each of its steps did.
pub(super) async fn show(Works(engine): Works, asking: Asking, Path(id): Path<String>) -> Response {
    let Ok(id) = id.parse::<RunId>() else {
        return page::nothing_here().await;
    };
    match RunPart::of(&engine, id).await {
        Ok(Some(part)) => {
            let follows = !part.is_over();
            let shown = page::show(&OneRun {
                top: Top::of(&asking.session),
                part,
            });
            if follows {
                visit::with_script(shown)
            } else {
                shown
            }
        }
        Ok(None) => page::nothing_here().await,
        Err(failure) => not_done(&failure.message),
    }
}

async fn items(
    engine: &Engine,
    publication: &Publication,
) -> Result<Vec<(String, Vec<String>)>, Failure> {
    let listed = publication.items.as_array().map_or(&[][..], Vec::as_slice);
    let mut items = Vec::new();
    for item in listed {
        let text = |key: &str| item.get(key).and_then(Value::as_str).unwrap_or_default();
        let evidence = match text("pkginfo") {
            "" => Vec::new(),
            pkginfo => engine.evidence_of(pkginfo).await?,
        };
        items.push((format!("{} {}", text("name"), text("version")), evidence));
    }
    Ok(items)
}

fn now(run: &Run, steps: &[Step]) -> String {
    let state = run.state.as_str();
    match steps.last() {
        Some(step) if run.finished_at.is_none() => format!("{state}: {}", step.processor),
        _ => state.to_owned(),
    }
}

fn shown(step: Step) -> Shown {
    let pretty = |value: &Option<Value>| {
        let text = value.as_ref().map(|value| format!("{value:#}"));
        let text = text.filter(|text| text != "{}").unwrap_or_default();
        end_of(&text).to_owned()
    };
    let took = |ended: Timestamp| format!("{:.1} s", ended.since(step.started_at).as_secs_f64());
    Shown {
        took: step.finished_at.map(took).unwrap_or_default(),
        input: pretty(&step.input),
        output: pretty(&step.output),
        said: end_of(&step.messages).to_owned(),
        step,
    }
}

/// The end of a text, if it is a long one: why something failed stands there.
fn end_of(text: &str) -> &str {
    let from = text.len().saturating_sub(SHOWN);
    let from = (from..=text.len()).find(|at| text.is_char_boundary(*at));
    from.and_then(|from| text.get(from..)).unwrap_or(text)
}

/// A bundle of evidence, to be kept.
pub(super) async fn evidence(Works(engine): Works, Path(location): Path<String>) -> Response {
    let bytes = match engine.evidence(&location).await {
        Ok(Some(bytes)) => bytes,
        Ok(None) => return page::nothing_here().await,
        Err(failure) => return not_done(&failure.message),
    };
    let name = location.rsplit('/').next().unwrap_or_default();
    let plain = |it: char| match it {
        'A'..='Z' | 'a'..='z' | '0'..='9' | '.' | '-' | '_' => it,
        _ => '_',
    };
    let name: String = name.chars().map(plain).collect();
    let Ok(disposition) = HeaderValue::from_str(&format!("attachment; filename=\"{name}\"")) else {
        return page::nothing_here().await;
    };
    let headers = [
        (
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/jsonl"),
        ),
        (header::CONTENT_DISPOSITION, disposition),
    ];
    (headers, bytes).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_long_text_its_end_is_shown() {
        assert_eq!(end_of("short"), "short");
        let long = format!("{}end", "ä".repeat(SHOWN));
        let shown = end_of(&long);
        assert!(shown.len() <= SHOWN && shown.ends_with("äend"));
    }
}
