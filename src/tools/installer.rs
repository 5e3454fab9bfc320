//! `installer -showChoicesXML` and `-query RestartAction`: what a package offers, by its Distribution.

use std::{collections::BTreeSet, io::Read as _, path::Path};

use proplist::{Dict, KeyOrder, Value};
use roxmltree::{Document, Node};

use super::{Refusal, Words};
use crate::printer::Printer;

/// The longest Distribution or `PackageInfo` that is read.
const LONGEST_BYTES: u64 = 16 << 20;
/// How deep choices may be in each other.
const DEEPEST: usize = 64;

pub(super) fn run(words: &[String], printer: Printer) -> Result<u8, Refusal> {
    let words = Words::read(
        words,
        &["-plist", "-showChoicesXML", "-verbose"],
        &["-pkg", "-package", "-query", "-target"],
    )?;
    let package = words.value("-pkg").or_else(|| words.value("-package"));
    let package = package.ok_or_else(|| Refusal::failed("no package is named; use -pkg"))?;
    match words.value("-query") {
        Some("RestartAction") => {
            printer.data(restart_action(package)?)?;
            Ok(0)
        }
        Some(other) => Err(Refusal::NotServed(format!("-query {other}"))),
        None if words.has("-showChoicesXML") => {
            let text = text_of(package, "Distribution")?.ok_or_else(|| {
                Refusal::NotServed("the choices of a package without a Distribution".to_owned())
            })?;
            let choices = choices(&parsed(&text)?, package);
            let choices = proplist::to_xml(&choices, KeyOrder::Sorted).map_err(Refusal::failed)?;
            printer.bytes(choices.as_bytes())?;
            Ok(0)
        }
        None => Err(Refusal::NotServed("installing".to_owned())),
    }
}

/// A member of a flat package.
fn text_of(package: &str, member: &str) -> Result<Option<String>, Refusal> {
    let tree = media::open(Path::new(package))?;
    let members = tree.children("")?;
    if !members.iter().any(|entry| entry.path == member) {
        return Ok(None);
    }
    let mut text = String::new();
    let opened = tree.open(member)?;
    opened.take(LONGEST_BYTES).read_to_string(&mut text)?;
    Ok(Some(text))
}

fn parsed(text: &str) -> Result<Document<'_>, Refusal> {
    Document::parse(text).map_err(Refusal::failed)
}

/// The outline with its choices. Scripts are not run: what they would decide is as if they said yes.
fn choices(distribution: &Document<'_>, package: &str) -> Value {
    let root = distribution.root_element();
    let outline = root
        .children()
        .find(|node| node.has_tag_name("choices-outline"));
    let title = Path::new(package).file_stem().unwrap_or_default();
    let mut whole = choice(
        &format!("__ROOT_CHOICE_IDENT_{}", title.to_string_lossy()),
        None,
    );
    let mut seen = BTreeSet::new();
    let inner = outline.map(|outline| lines(root, outline, &mut seen, 0));
    whole.insert(
        "childItems".to_owned(),
        Value::Array(inner.unwrap_or_default()),
    );
    Value::Array(vec![Value::Dict(whole)])
}

fn lines<'a>(
    root: Node<'a, 'a>,
    outline: Node<'a, 'a>,
    seen: &mut BTreeSet<&'a str>,
    depth: usize,
) -> Vec<Value> {
    let mut items = Vec::new();
    if depth > DEEPEST {
        return items;
    }
    for line in outline.children().filter(|node| node.has_tag_name("line")) {
        let Some(id) = line.attribute("choice").filter(|id| seen.insert(id)) else {
            continue;
        };
        let described = root
            .children()
            .find(|node| node.has_tag_name("choice") && node.attribute("id") == Some(id));
        let mut item = choice(id, described);
        let inner = lines(root, line, seen, depth.saturating_add(1));
        item.insert("childItems".to_owned(), Value::Array(inner));
        items.push(Value::Dict(item));
    }
    items
}

fn choice(id: &str, described: Option<Node<'_, '_>>) -> Dict {
    let said = |name: &str| described.and_then(|node| node.attribute(name));
    // Only a plain `false` is one; the rest is a script's.
    let is_so = |name: &str| said(name) != Some("false");
    let is_selected = is_so("start_selected") && is_so("selected");
    [
        (
            "choiceDescription",
            Value::from(said("description").unwrap_or_default()),
        ),
        ("choiceIdentifier", Value::from(id)),
        (
            "choiceIsEnabled",
            Value::Bool(is_so("enabled") && is_so("start_enabled")),
        ),
        ("choiceIsSelected", Value::Integer(is_selected.into())),
        (
            "choiceIsVisible",
            Value::Bool(is_so("visible") && is_so("start_visible")),
        ),
        ("choiceTitle", Value::from(said("title").unwrap_or(id))),
    ]
    .into_iter()
    .map(|(key, value)| (key.to_owned(), value))
    .collect()
}

/// What the package asks for when it is installed.
fn restart_action(package: &str) -> Result<&'static str, Refusal> {
    let actions = [
        ("RequireRestart", "restart", "RequireRestart"),
        ("RequireShutdown", "shutdown", "RequireShutdown"),
        ("RequireLogout", "logout", "RequireLogout"),
        ("RecommendRestart", "recommend-restart", "RecommendRestart"),
    ];
    let mut asked = BTreeSet::new();
    for (member, attribute) in [
        ("Distribution", "onConclusion"),
        ("PackageInfo", "postinstall-action"),
    ] {
        if let Some(text) = text_of(package, member)? {
            let document = parsed(&text)?;
            let nodes = document.descendants();
            asked.extend(
                nodes
                    .filter_map(|node| node.attribute(attribute))
                    .map(str::to_owned),
            );
        }
    }
    let found = actions
        .into_iter()
        .find(|(by_distribution, by_component, _)| {
            asked.contains(*by_distribution) || asked.contains(*by_component)
        });
    Ok(found.map_or("None", |(_, _, action)| action))
}

#[cfg(test)]
mod tests {
    use super::*;

    const DISTRIBUTION: &str = r#"<installer-gui-script minSpecVersion="2">
        <choices-outline><line choice="all"><line choice="app"/><line choice="fonts"/></line><line choice="all"/></choices-outline>
        <choice id="all"/><choice id="app" title="App" description="The app."/>
        <choice id="fonts" start_selected="false" visible="my.script()"/></installer-gui-script>"#;

    #[test]
    fn choices_are_told_in_their_outline_each_once() {
        let document = Document::parse(DISTRIBUTION).unwrap();
        let choices = choices(&document, "a/Widget.pkg");
        let json = serde_json::Value::from(&choices);
        let whole = &json[0];
        assert_eq!(whole["choiceIdentifier"], "__ROOT_CHOICE_IDENT_Widget");
        assert_eq!(whole["childItems"].as_array().unwrap().len(), 1);
        let inner = &whole["childItems"][0]["childItems"];
        assert_eq!(inner[0]["choiceTitle"], "App");
        assert_eq!(inner[0]["choiceIsSelected"], 1);
        assert_eq!(inner[1]["choiceIdentifier"], "fonts");
        assert_eq!(inner[1]["choiceIsSelected"], 0);
        assert_eq!(inner[1]["choiceIsVisible"], true);
    }
}
