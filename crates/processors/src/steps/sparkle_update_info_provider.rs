//! `SparkleUpdateInfoProvider`.

use async_trait::async_trait;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use proofs::sparkle::Signatures;
use proplist::{Dict, Value, str_form};
use roxmltree::{Document, Node, ParsingOptions};
use url::form_urlencoded;

use crate::{
    Call, Env, Input, Output, Outputs, Processor, StepContext, StepError, variables, version_order,
    web,
};

const NAMESPACE: &str = "http://www.andymatuschak.org/xml-namespaces/sparkle";

/// Feeds of more elements, attributes and texts than this are not read.
const MOST_NODES: u32 = 1_000_000;

/// What Python's `quote` leaves alone, the slash among it.
const QUOTED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'_')
    .remove(b'.')
    .remove(b'-')
    .remove(b'~')
    .remove(b'/');

/// Finds the newest version in a Sparkle feed.
pub(crate) struct SparkleUpdateInfoProvider;

#[async_trait]
impl Processor for SparkleUpdateInfoProvider {
    fn name(&self) -> &'static str {
        "SparkleUpdateInfoProvider"
    }

    fn description(&self) -> &'static str {
        "Finds the newest version of an application in its Sparkle feed."
    }

    fn inputs(&self) -> Vec<Input> {
        let mut inputs = vec![
            Input::required("appcast_url"),
            Input::optional("appcast_request_headers"),
            Input::optional("appcast_query_pairs"),
            Input::optional("alternate_xmlns_url"),
            Input::optional("pkginfo_keys_to_copy_from_sparkle_feed"),
            Input::optional("urlencode_path_component"),
            Input::optional("update_channel"),
            Input::optional("PKG"),
        ];
        inputs.extend(web::inputs());
        inputs
    }

    fn outputs(&self) -> Vec<Output> {
        ["url", "version", "additional_pkginfo"]
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
        if let Some(package) = variables::some_text(env, "PKG")? {
            let version = "NotSetBySparkleUpdateInfoProvider";
            set(env, &package, version, Dict::new());
            return Ok(Outputs::Declared);
        }
        let feed = feed(context, env).await?;
        let item = newest(context, env, &feed)?;
        let additional = additional_pkginfo(context, env, &item).await?;
        context
            .messages
            .say(&format!("Version retrieved from appcast: {}", item.version));
        if let Some(human) = &item.human_version {
            context.messages.say(&format!(
                "User-facing version retrieved from appcast: {human}"
            ));
        }
        context.messages.say(&format!("Found URL {}", item.url));
        context
            .proofs
            .offer_sparkle(&item.url, item.signatures.clone());
        let version = item.human_version.as_ref().unwrap_or(&item.version);
        set(env, &item.url, version, additional);
        Ok(Outputs::Declared)
    }
}

fn set(env: &mut Env, url: &str, version: &str, additional: Dict) {
    env.insert("url".to_owned(), url.into());
    env.insert("version".to_owned(), version.into());
    env.insert("additional_pkginfo".to_owned(), additional.into());
}

/// One release of the feed.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
struct Item {
    url: String,
    version: String,
    human_version: Option<String>,
    minimum_os_version: Option<String>,
    channel: Option<String>,
    release_notes_url: Option<String>,
    description: Option<String>,
    signatures: Signatures,
}

async fn feed(context: &StepContext, env: &Env) -> Result<String, StepError> {
    let mut url = variables::text(env, "appcast_url")?;
    let pairs = variables::dict(env, "appcast_query_pairs")?;
    if !pairs.is_empty() {
        url = with_query(&url, &pairs);
    }
    let mut headers = variables::dict(env, "request_headers")?;
    headers.extend(variables::dict(env, "appcast_request_headers")?);
    let request = web::request_with(context, env, &url, &headers)?;
    let page = context.fetcher.text(&request).await.map_err(web::failure)?;
    Ok(page.text)
}

/// The pairs replace the query that the address has.
fn with_query(url: &str, pairs: &Dict) -> String {
    let base = url.split(['?', '#']).next().unwrap_or_default();
    let mut query = form_urlencoded::Serializer::new(String::new());
    for (name, value) in pairs {
        query.append_pair(name, &str_form(value));
    }
    format!("{base}?{}", query.finish())
}

fn newest(context: &StepContext, env: &Env, feed: &str) -> Result<Item, StepError> {
    let items = items(env, feed)?;
    context
        .messages
        .say(&format!("Items in feed: {}", items.len()));
    let channel = variables::some_text(env, "update_channel")?;
    let shown = channel.clone().unwrap_or_else(|| "default".to_owned());
    let items: Vec<Item> = items
        .into_iter()
        .filter(|item| item.channel == channel)
        .collect();
    context
        .messages
        .say(&format!("Items in {shown} channel: {}", items.len()));
    // The first among equals, so the comparison is strict.
    let newest = items.into_iter().reduce(|best, item| {
        let newer = version_order::compare(&item.version, &best.version).is_gt();
        if newer { item } else { best }
    });
    newest.ok_or_else(|| web::source_changed(format!("No items were found in {shown} channel.")))
}

fn items(env: &Env, feed: &str) -> Result<Vec<Item>, StepError> {
    wire::bounded_xml(feed).map_err(|error| {
        web::source_changed("Error parsing XML from appcast feed.").caused_by(error)
    })?;
    let options = ParsingOptions {
        // Entities are expanded within bounds, and none is fetched.
        allow_dtd: true,
        nodes_limit: MOST_NODES,
        ..ParsingOptions::default()
    };
    let document = Document::parse_with_options(feed, options).map_err(|error| {
        web::source_changed("Error parsing XML from appcast feed.").caused_by(error)
    })?;
    let namespace = variables::some_text(env, "alternate_xmlns_url")?;
    let namespace = namespace.as_deref().unwrap_or(NAMESPACE);
    // An absent option is on; a present one has Python's truth.
    let quotes = env
        .get("urlencode_path_component")
        .is_none_or(Value::is_truthy);
    let nodes: Vec<Node<'_, '_>> = children(document.root_element(), "channel")
        .flat_map(|channel| children(channel, "item"))
        .collect();
    if nodes.is_empty() {
        return Err(web::source_changed(
            "No channel items were found in appcast feed.",
        ));
    }
    nodes
        .into_iter()
        .filter_map(|node| item(node, namespace, quotes).transpose())
        .collect()
}

fn children<'a, 'i>(node: Node<'a, 'i>, name: &'static str) -> impl Iterator<Item = Node<'a, 'i>> {
    node.children()
        .filter(move |child| child.has_tag_name(name) && child.tag_name().namespace().is_none())
}

/// A release; nothing if it has no file.
fn item(node: Node<'_, '_>, namespace: &str, quotes: bool) -> Result<Option<Item>, StepError> {
    let Some(enclosure) = children(node, "enclosure").next() else {
        return Ok(None);
    };
    let Some(url) = enclosure.attribute("url").filter(|url| !url.is_empty()) else {
        return Ok(None);
    };
    let child = |name: &'static str| {
        node.children()
            .find(|child| child.has_tag_name((namespace, name)))
            .map(text_of)
            .filter(|text| !text.is_empty())
    };
    let attribute = |name: &'static str| {
        enclosure
            .attribute((namespace, name))
            .map(|text| text.trim().to_owned())
            .filter(|text| !text.is_empty())
    };
    let version = match child("version").or_else(|| attribute("version")) {
        Some(version) => version,
        None => guessed_version(url)?,
    };
    Ok(Some(Item {
        url: quoted(url, quotes),
        version,
        human_version: child("shortVersionString").or_else(|| attribute("shortVersionString")),
        minimum_os_version: child("minimumSystemVersion"),
        channel: child("channel"),
        release_notes_url: child("releaseNotesLink"),
        description: children(node, "description")
            .next()
            .map(text_of)
            .filter(|text| !text.is_empty()),
        signatures: Signatures {
            ed25519: attribute("edSignature"),
            dsa: attribute("dsaSignature"),
        },
    }))
}

fn text_of(node: Node<'_, '_>) -> String {
    node.text().unwrap_or_default().trim().to_owned()
}

/// What follows the last `_`, or else the last `-`, of the file's name.
fn guessed_version(url: &str) -> Result<String, StepError> {
    let name = url.rsplit('/').next().unwrap_or_default();
    let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
    stem.rsplit_once('_')
        .or_else(|| stem.rsplit_once('-'))
        .map(|(_, version)| version.to_owned())
        .ok_or_else(|| web::source_changed("Can't extract version info from item in feed!"))
}

/// The address with its path percent-encoded as Python's `quote` does, and without a fragment.
fn quoted(url: &str, quotes: bool) -> String {
    let url = url.trim();
    let url = url.split('#').next().unwrap_or_default();
    let (front, query) = url
        .split_once('?')
        .map_or((url, String::new()), |(front, query)| {
            (front, format!("?{query}"))
        });
    let Some((scheme, rest)) = front.split_once("://").filter(|_| quotes) else {
        return format!("{front}{query}");
    };
    let (host, path) = rest
        .find('/')
        .and_then(|at| rest.split_at_checked(at))
        .unwrap_or((rest, ""));
    format!(
        "{scheme}://{host}{}{query}",
        utf8_percent_encode(path, QUOTED)
    )
}

async fn additional_pkginfo(
    context: &StepContext,
    env: &Env,
    item: &Item,
) -> Result<Dict, StepError> {
    let mut additional = Dict::new();
    for key in variables::texts(env, "pkginfo_keys_to_copy_from_sparkle_feed")? {
        match key.as_str() {
            "description" => {
                if let Some(description) = description(context, env, item).await? {
                    additional.insert(key, description.into());
                }
            }
            "minimum_os_version" => {
                if let Some(version) = &item.minimum_os_version {
                    additional.insert(key, version.as_str().into());
                }
            }
            other => context.messages.warn(&format!(
                "key {other} isn't supported for import from a feed"
            )),
        }
    }
    Ok(additional)
}

async fn description(
    context: &StepContext,
    env: &Env,
    item: &Item,
) -> Result<Option<String>, StepError> {
    if let Some(url) = &item.release_notes_url {
        let request = web::request(context, env, url)?;
        let page = context.fetcher.text(&request).await.map_err(web::failure)?;
        return Ok(Some(page.text));
    }
    Ok(item
        .description
        .as_ref()
        .map(|text| format!("<html><body>{text}</html></body>")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn feed(items: &str) -> String {
        format!("<rss xmlns:sparkle=\"{NAMESPACE}\"><channel>{items}</channel></rss>")
    }

    #[test]
    fn reads_versions_from_children_attributes_and_names() {
        let feed = feed(
            "<item><sparkle:version> 12 </sparkle:version><sparkle:shortVersionString>1.2</sparkle:shortVersionString>\
             <enclosure url=\"https://v.example/A b.zip?x=1#f\" sparkle:edSignature=\" AA== \" sparkle:dsaSignature=\"\"/></item>\
             <item><enclosure url=\"https://v.example/A-2.zip\" sparkle:version=\"2\"/></item>\
             <item><enclosure url=\"https://v.example/A_1-3.zip\"/></item>\
             <item><title>no file</title></item>",
        );
        let items = items(&Env::new(), &feed).unwrap();
        let versions: Vec<&str> = items.iter().map(|item| item.version.as_str()).collect();
        assert_eq!(versions, ["12", "2", "1-3"]);
        assert_eq!(items[0].human_version.as_deref(), Some("1.2"));
        assert_eq!(items[0].url, "https://v.example/A%20b.zip?x=1");
        let signatures = &items[0].signatures;
        assert_eq!(signatures.ed25519.as_deref(), Some("AA=="));
        assert_eq!(signatures.dsa, None, "an empty one is none");
        assert!(items[1].signatures.is_empty());
    }

    #[test]
    fn a_feed_may_declare_entities_but_not_without_end() {
        let item =
            "<item><enclosure url=\"https://v.example/A-1.zip\" sparkle:version=\"&v;\"/></item>";
        let declared = format!("<!DOCTYPE rss [<!ENTITY v \"1.5\">]>{}", feed(item));
        let found = items(&Env::new(), &declared).unwrap();
        assert_eq!(found[0].version, "1.5");
        let circle = format!("<!DOCTYPE rss [<!ENTITY v \"&v;\">]>{}", feed(item));
        assert!(items(&Env::new(), &circle).is_err());
    }

    #[test]
    fn a_feed_without_releases_says_so() {
        let empty = Env::new();
        assert!(
            items(&empty, "<rss")
                .unwrap_err()
                .message
                .contains("Error parsing XML")
        );
        assert!(
            items(&empty, &feed(""))
                .unwrap_err()
                .message
                .contains("No channel items")
        );
        let bomb = feed(&"<item>".repeat(300));
        let error = items(&empty, &bomb).unwrap_err();
        let why = std::error::Error::source(&error).map(ToString::to_string);
        assert!(why.is_some_and(|why| why.contains("256 levels")));
        let nameless = feed("<item><enclosure url=\"https://v.example/App.zip\"/></item>");
        assert!(items(&empty, &nameless).is_err());
    }

    #[test]
    fn query_pairs_replace_the_query() {
        let pairs: Dict = [("a b".to_owned(), Value::from("c&d"))]
            .into_iter()
            .collect();
        assert_eq!(
            with_query("https://v.example/feed?old=1", &pairs),
            "https://v.example/feed?a+b=c%26d"
        );
    }
}
