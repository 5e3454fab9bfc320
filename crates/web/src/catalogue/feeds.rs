//! What is new: a page, and feeds for programs that look by themselves.
//!
//! # Source
//! RSS 2.0; JSON Feed 1.1.

use std::net::IpAddr;

use askama::Template;
use axum::{
    extract::{Path, State},
    http::{HeaderMap, HeaderValue, StatusCode, header, uri::Authority},
    response::{IntoResponse as _, Response},
};
use model::Sha256;
use redact::Secret;
use serde_json::json;
use tenancy::{
    administration::Deed,
    catalogue::{News, Reader},
};

use super::{
    CatalogueDoor,
    gate::Asking,
    page::{self, Top, size_told},
};

#[derive(Template)]
#[template(path = "catalogue/news.html")]
struct Shown {
    top: Top,
    news: Vec<News>,
}

/// What is new.
pub(super) async fn news(State(door): State<CatalogueDoor>, asking: Asking) -> Response {
    match door.catalogue.news(&asking.session.reader).await {
        Ok(news) => page::show(&Shown {
            top: Top::of(&asking.session),
            news,
        }),
        Err(error) => page::failed(&error),
    }
}

#[derive(Template)]
#[template(path = "catalogue/feeds.html")]
struct Opened {
    top: Top,
    /// Where the feeds are from now on, but for the ends of their addresses.
    place: String,
}

/// Gives the tenant's feeds an address that nobody guesses, in the place of the one before, and shows it once.
pub(super) async fn open(
    State(door): State<CatalogueDoor>,
    asking: Asking,
    headers: HeaderMap,
) -> Response {
    let deed = Deed {
        who: &asking.session.reader.tenant.customer,
        did: "catalogue.open-feeds",
        about: &asking.session.reader.tenant.customer,
        detail: String::new(),
    };
    let Some(origin) = origin(&door, &headers) else {
        return not_known();
    };
    let opening = door.access.open_feeds(&asking.session);
    match asking.audit.recorded(&deed, opening).await {
        Ok(secret) => page::show(&Opened {
            top: Top::of(&asking.session),
            place: format!("{origin}/feeds/{}", secret.expose()),
        }),
        Err(error) => page::failed(&error),
    }
}

/// Under which address the catalogue is known: what the configuration says, whatever a question calls this host. Where it
/// says nothing, a name that is only asked for is not put into links; an address, or `localhost`, is nobody's but this host's.
fn origin(door: &CatalogueDoor, headers: &HeaderMap) -> Option<String> {
    if let Some(url) = &door.url {
        return Some(url.clone());
    }
    let host = headers.get(header::HOST).and_then(|it| it.to_str().ok());
    let host = host.and_then(|host| host.parse::<Authority>().ok())?;
    let bare = host.host().trim_start_matches('[').trim_end_matches(']');
    let scheme = if door.is_tls { "https" } else { "http" };
    (bare == "localhost" || bare.parse::<IpAddr>().is_ok()).then(|| format!("{scheme}://{host}"))
}

fn not_known() -> Response {
    page::refused(
        StatusCode::MISDIRECTED_REQUEST,
        "The service does not know its address: whoever runs it has to say it, as `catalogue.url`. Nothing was changed.",
    )
}

/// What is new, for whom the secret in the address is.
///
/// # Errors
/// A page that says that there is nothing, or that something went wrong.
async fn told(door: &CatalogueDoor, secret: String) -> Result<(Reader, Vec<News>), Box<Response>> {
    let failed = |error: &(dyn std::error::Error + 'static)| Box::new(page::failed(error));
    let reader = door.access.feeds_of(&Secret::new(secret)).await;
    let Some(reader) = reader.map_err(|error| failed(&error))? else {
        return Err(Box::new(page::nothing_here().await));
    };
    let news = door.catalogue.news(&reader).await;
    let news = news.map_err(|error| failed(&error))?;
    Ok((reader, news))
}

/// A piece of news, as RSS has it.
struct Item {
    id: String,
    title: String,
    address: String,
    date: String,
    category: Option<String>,
    text: String,
}

#[derive(Template)]
#[template(path = "catalogue/feed.xml")]
struct Rss {
    title: String,
    origin: String,
    items: Vec<Item>,
}

/// What is new, as RSS.
pub(super) async fn rss(
    State(door): State<CatalogueDoor>,
    Path(secret): Path<String>,
    headers: HeaderMap,
) -> Response {
    let (reader, news) = match told(&door, secret).await {
        Ok(told) => told,
        Err(response) => return *response,
    };
    let Some(origin) = origin(&door, &headers) else {
        return not_known();
    };
    let item = |news: &News| Item {
        id: id_of(news),
        title: in_xml(&title_of(news)),
        address: address_of(&origin, news),
        date: news.at.to_utc().to_rfc2822(),
        category: news.title.category.as_deref().map(in_xml),
        text: in_xml(&text_of(news)),
    };
    let feed = Rss {
        title: in_xml(&name_of(&reader)),
        items: news.iter().map(item).collect(),
        origin,
    };
    match feed.render() {
        Ok(text) => answer(&headers, "application/rss+xml; charset=utf-8", text),
        Err(error) => page::failed(&error),
    }
}

/// What is new, as a JSON Feed.
pub(super) async fn json(
    State(door): State<CatalogueDoor>,
    Path(secret): Path<String>,
    headers: HeaderMap,
) -> Response {
    let (reader, news) = match told(&door, secret).await {
        Ok(told) => told,
        Err(response) => return *response,
    };
    let Some(origin) = origin(&door, &headers) else {
        return not_known();
    };
    let item = |news: &News| {
        json!({
            "id": id_of(news),
            "url": address_of(&origin, news),
            "title": title_of(news),
            "content_text": text_of(news),
            "date_published": news.at.to_string(),
            "tags": news.title.category.iter().collect::<Vec<_>>(),
            "_auto_update": {
                "name": news.title.name,
                "version": news.version.version,
                "rings": news.version.rings,
                "size_bytes": news.version.size_bytes,
                "minimum_os": news.version.minimum_os,
                "sha256": news.version.sha256.map(|it| it.to_string()),
            },
        })
    };
    let feed = json!({
        "version": "https://jsonfeed.org/version/1.1",
        "title": name_of(&reader),
        "home_page_url": format!("{origin}/"),
        "language": "en",
        "items": news.iter().map(item).collect::<Vec<_>>(),
    });
    answer(&headers, "application/feed+json", feed.to_string())
}

/// The feed, unless whoever asks has it already.
fn answer(asked: &HeaderMap, kind: &'static str, feed: String) -> Response {
    let tag = format!("\"{}\"", Sha256::of(feed.as_bytes()));
    let known = asked.get_all(header::IF_NONE_MATCH).iter();
    let mut known = known.filter_map(|it| it.to_str().ok());
    let has_it = known.any(|tags| {
        tags.split(',')
            .any(|it| it.trim().trim_start_matches("W/") == tag)
    });
    let mut headers = HeaderMap::new();
    headers.extend(HeaderValue::try_from(&tag).map(|tag| (header::ETAG, tag)));
    let kept = HeaderValue::from_static("private, no-cache");
    headers.insert(header::CACHE_CONTROL, kept);
    if has_it {
        return (StatusCode::NOT_MODIFIED, headers).into_response();
    }
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    (headers, feed).into_response()
}

fn name_of(reader: &Reader) -> String {
    format!("New versions for {}", reader.tenant.customer)
}

fn title_of(news: &News) -> String {
    format!("{} {}", news.title.display_name, news.version.version)
}

/// The same from one look to the next, and no other's.
fn id_of(news: &News) -> String {
    let basis = format!("{}\n{}\n{}", news.title.name, news.version.version, news.at);
    format!("urn:sha256:{}", Sha256::of(basis.as_bytes()))
}

fn address_of(origin: &str, news: &News) -> String {
    let name = askama::filters::urlencode_strict(&news.title.name);
    let name = name.map_or_else(|_never| String::new(), |name| name.to_string());
    format!("{origin}/titles/{name}")
}

/// What there is to say in a few lines.
fn text_of(news: &News) -> String {
    let size = size_told(news.version.size_bytes);
    let rings = news.version.rings.join(", ");
    let minimum_os = news.version.minimum_os.as_deref().unwrap_or_default();
    let facts = [
        ("Rings", rings.as_str()),
        ("Size", &size),
        ("Needs macOS", minimum_os),
    ];
    let facts = facts.into_iter().filter(|(_, value)| !value.is_empty());
    let facts: Vec<String> = facts
        .map(|(name, value)| format!("{name}: {value}"))
        .collect();
    let said = [news.title.description.clone(), facts.join("\n")];
    let said: Vec<String> = said.into_iter().filter(|it| !it.is_empty()).collect();
    said.join("\n\n")
}

/// What may stand in XML 1.0; other characters are left out.
fn in_xml(text: &str) -> String {
    let may = |it: &char| match it {
        '\t' | '\n' | '\r' => true,
        '\u{fffe}' | '\u{ffff}' => false,
        it => !it.is_control() || *it >= '\u{80}',
    };
    text.chars().filter(may).collect()
}
