//! `URLTextSearcher`.

use async_trait::async_trait;
use proplist::Value;
use redact::SafeUrl;

use super::deprecation_warning::{SUMMARY, warning_row};
use crate::{
    Call, Env, Input, Output, Outputs, Processor, StepContext, StepError,
    regex::{Match, Pattern},
    variables, web,
};
use model::chain;

/// A page of so many bytes is searched in a moment, even where a pattern backtracks until it is given up.
const SHORT_BYTES: usize = 64 << 10;

/// Searches a page with a regular expression.
pub(crate) struct UrlTextSearcher {
    name: &'static str,
    is_deprecated: bool,
}

impl UrlTextSearcher {
    /// The step by its name of today.
    pub(crate) const fn current() -> Self {
        Self {
            name: "URLTextSearcher",
            is_deprecated: false,
        }
    }

    /// The step by a name that `AutoPkg` has deprecated.
    pub(crate) const fn deprecated(name: &'static str) -> Self {
        Self {
            name,
            is_deprecated: true,
        }
    }
}

#[async_trait]
impl Processor for UrlTextSearcher {
    fn name(&self) -> &'static str {
        self.name
    }

    fn description(&self) -> &'static str {
        "Fetches a page and searches it with a regular expression."
    }

    fn inputs(&self) -> Vec<Input> {
        let mut inputs = vec![
            Input::required("re_pattern"),
            Input::required("url"),
            Input::defaulted("result_output_var_name", "match"),
            Input::optional("re_flags"),
        ];
        inputs.extend(web::inputs());
        inputs
    }

    fn outputs(&self) -> Vec<Output> {
        vec![Output {
            name: "result_output_var_name",
        }]
    }

    async fn run(
        &self,
        _call: &Call,
        context: &StepContext,
        env: &mut Env,
    ) -> Result<Outputs, StepError> {
        let url = variables::text(env, "url")?;
        let source = variables::text(env, "re_pattern")?;
        let flags = variables::texts(env, "re_flags")?;
        let pattern = Pattern::new(&source, &flags).map_err(|error| {
            let text = format!("`re_pattern` is no regular expression: {}", chain(&error));
            StepError::configuration(text).caused_by(error)
        })?;
        let request = web::request(context, env, &url)?;
        let page = context.fetcher.text(&request).await.map_err(web::failure)?;
        let result_name = variables::text(env, "result_output_var_name")?;
        let (status, is_short) = (page.status, page.text.len() <= SHORT_BYTES);
        let search = move || {
            let found = pattern.search(&page.text)?;
            Ok::<_, crate::regex::PatternError>(found.map(|found| values(&found, &result_name)))
        };
        let lost = "the search ended unexpectedly";
        let searched = if is_short {
            let searched = fetch::briefly(search).await;
            searched.map_err(|error| StepError::package(lost).caused_by(error))?
        } else {
            // A pattern that backtracks may take its time, and must not hold up other runs.
            let searched = tokio::task::spawn_blocking(search).await;
            searched.map_err(|error| StepError::package(lost).caused_by(error))?
        };
        let found = searched.map_err(|error| {
            let text = format!("the search was given up: {}", chain(&error));
            StepError::configuration(text).caused_by(error)
        })?;
        let Some(values) = found else {
            return Err(no_match(&url, status));
        };
        let mut names = Vec::with_capacity(values.len());
        for (name, value) in values {
            let shown = proplist::str_form(&value);
            context
                .messages
                .say(&format!("Found matching text ({name}): {shown}"));
            env.insert(name.clone(), value);
            names.push(name);
        }
        if self.is_deprecated {
            let warning = format!("{} is deprecated; use URLTextSearcher", self.name);
            context.messages.warn(&warning);
            env.insert(SUMMARY.to_owned(), warning_row(env, &warning));
            names.push(SUMMARY.to_owned());
        }
        Ok(Outputs::Named(names))
    }
}

fn no_match(url: &str, status: u16) -> StepError {
    let error = web::source_changed(format!("No match found on URL: {}", SafeUrl::of_text(url)));
    if status >= 400 {
        return error.with_next_step(format!(
            "The server answered {status}: look at the vendor's page and correct `url`."
        ));
    }
    error.with_next_step("The page has changed: look at it and correct `re_pattern`.")
}

/// Named groups, then the result: the group that closed last, unless a group has the result's name.
fn values(found: &Match<'_>, result_name: &str) -> Vec<(String, Value)> {
    let text = |group: usize| found.text(group).map_or(Value::Null, Value::from);
    let mut values: Vec<(String, Value)> = found
        .names
        .iter()
        .map(|(name, group)| (name.clone(), text(*group)))
        .collect();
    if !values.iter().any(|(name, _)| name == result_name) {
        let group = found.last_index.unwrap_or(0);
        values.push((result_name.to_owned(), text(group)));
    }
    values
}
