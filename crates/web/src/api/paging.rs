//! Long lists, page by page.

use axum::{
    http::HeaderValue,
    response::{IntoResponse, Response},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{answer::Json, problem::Problem};

/// The most that is on a page, and how much is if nobody says.
const MOST: u32 = 200;
const USUAL: u32 = 50;

/// Which page of a list.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PageQuery {
    /// The most that is to be on the page, 1 to 200; 50 if it is not said.
    #[schemars(range(min = 1, max = 200))]
    pub(super) limit: Option<u32>,
    /// `next` of the page before.
    pub(super) cursor: Option<String>,
}

/// How much is to be on a page.
///
/// # Errors
/// If that is not 1 to 200.
pub(super) fn limit(asked: Option<u32>) -> Result<u32, Problem> {
    let limit = asked.unwrap_or(USUAL);
    if (1..=MOST).contains(&limit) {
        return Ok(limit);
    }
    Err(Problem::not_understood("`limit` is 1 to 200."))
}

/// Where a page begins.
///
/// # Errors
/// If it is nothing that a page has given out.
pub(super) fn cursor<T: std::str::FromStr>(asked: Option<&str>) -> Result<Option<T>, Problem> {
    asked
        .map(|text| text.parse().ok())
        .map(|cursor| cursor.ok_or_else(|| Problem::not_understood("`cursor` is none of ours.")))
        .transpose()
}

/// A page of a list.
#[derive(JsonSchema, Serialize)]
#[schemars(rename = "PageOf{T}")]
pub(super) struct Page<T> {
    /// What is on it.
    items: Vec<T>,
    /// The `cursor` of the next page; null on the last one.
    next: Option<String>,
}

impl<T> Page<T> {
    /// A page of `rows`, of which there is one more than fits if there is another page.
    pub(super) fn of<R>(
        mut rows: Vec<R>,
        limit: u32,
        cursor: impl Fn(&R) -> String,
        told: impl FnMut(R) -> T,
    ) -> Self {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let is_more = rows.len() > limit;
        rows.truncate(limit);
        let next = rows.last().filter(|_| is_more).map(cursor);
        Self {
            items: rows.into_iter().map(told).collect(),
            next,
        }
    }

    /// A page of a list that is whole, in the order of its cursors.
    ///
    /// # Errors
    /// If `limit` is not 1 to 200.
    pub(super) fn cut<R>(
        rows: Vec<R>,
        asked: &PageQuery,
        cursor: impl Fn(&R) -> String,
        told: impl FnMut(R) -> T,
    ) -> Result<Self, Problem> {
        let limit = limit(asked.limit)?;
        let after = asked.cursor.as_deref();
        let mut rows = rows;
        rows.sort_by_key(&cursor);
        rows.retain(|row| after.is_none_or(|after| cursor(row).as_str() > after));
        Ok(Self::of(rows, limit, cursor, told))
    }
}

impl<T: Serialize> IntoResponse for Page<T> {
    fn into_response(self) -> Response {
        let next = self.next.clone();
        let mut response = Json::ok(self).into_response();
        if let Some(next) = next {
            response.extensions_mut().insert(Next(next));
        }
        response
    }
}

/// That there is another page.
#[derive(Clone, Debug)]
pub(super) struct Next(String);

impl Next {
    /// Where it is, as a `Link`, if this page was asked for at `path` with `query`.
    pub(super) fn link(&self, path: &str, query: Option<&str>) -> Option<HeaderValue> {
        let asked: Vec<(String, String)> =
            serde_urlencoded::from_str(query.unwrap_or_default()).ok()?;
        let mut pairs: Vec<(&str, &str)> = asked
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .filter(|(name, _)| *name != "cursor")
            .collect();
        pairs.push(("cursor", &self.0));
        let query = serde_urlencoded::to_string(pairs).ok()?;
        HeaderValue::from_str(&format!("<{path}?{query}>; rel=\"next\"")).ok()
    }
}
