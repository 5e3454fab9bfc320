//! One title, its icon, and the evidence of its versions.

use askama::Template;
use axum::{
    extract::{Path, State},
    http::{HeaderName, HeaderValue, header},
    response::{IntoResponse as _, Response},
};
use publication::Kind;
use tenancy::catalogue::{Details, Stay, Title, Version, VersionDetails};

use super::{
    CatalogueDoor,
    gate::Asking,
    page::{self, Top, size_told},
};

/// A version, as the page shows it.
struct Row<'a> {
    version: &'a Version,
    known: &'a VersionDetails,
    rings: String,
    size: String,
}

#[derive(Template)]
#[template(path = "catalogue/title.html")]
struct Shown<'a> {
    top: Top,
    title: &'a Title,
    rows: Vec<Row<'a>>,
    history: &'a [Stay],
}

/// The title.
pub(super) async fn show(
    State(door): State<CatalogueDoor>,
    asking: Asking,
    Path(name): Path<String>,
) -> Response {
    let reader = &asking.session.reader;
    let details: Details = match door.catalogue.details(reader, &name).await {
        Ok(Some(details)) => details,
        Ok(None) => return page::nothing_here().await,
        Err(error) => return page::failed(&error),
    };
    let versions = details.title.versions.iter().zip(&details.versions);
    let row = |(version, known): (_, _)| {
        let version: &Version = version;
        Row {
            version,
            known,
            rings: version.rings.join(", "),
            size: size_told(version.size_bytes),
        }
    };
    page::show(&Shown {
        top: Top::of(&asking.session),
        title: &details.title,
        rows: versions.map(row).collect(),
        history: &details.history,
    })
}

/// An icon.
pub(super) async fn icon(
    State(door): State<CatalogueDoor>,
    asking: Asking,
    Path(location): Path<String>,
) -> Response {
    let name = location.to_lowercase();
    let kind = match name.rsplit('.').next() {
        Some("png") => "image/png",
        Some("jpg" | "jpeg") => "image/jpeg",
        Some("gif") => "image/gif",
        Some("webp") => "image/webp",
        _ => return page::nothing_here().await,
    };
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static(kind)),
        (
            header::CACHE_CONTROL,
            HeaderValue::from_static("private, max-age=300"),
        ),
    ];
    hand_out(&door, &asking, (Kind::Icons, &location), headers).await
}

/// The evidence of a version, to be kept.
pub(super) async fn evidence(
    State(door): State<CatalogueDoor>,
    asking: Asking,
    Path(location): Path<String>,
) -> Response {
    let name = location.rsplit('/').next().unwrap_or_default();
    let name: String = name
        .chars()
        .map(|it| match it {
            'A'..='Z' | 'a'..='z' | '0'..='9' | '.' | '-' | '_' => it,
            _ => '_',
        })
        .collect();
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
    hand_out(&door, &asking, (Kind::Evidence, &location), headers).await
}

async fn hand_out(
    door: &CatalogueDoor,
    asking: &Asking,
    (kind, location): (Kind, &str),
    headers: [(HeaderName, HeaderValue); 2],
) -> Response {
    let reader = &asking.session.reader;
    match door.catalogue.contents(reader, kind, location).await {
        Ok(Some(bytes)) => (headers, bytes).into_response(),
        Ok(None) => page::nothing_here().await,
        Err(error) => page::failed(&error),
    }
}
