//! Bundles: everything that is said of one item, signed, one envelope a line.

use model::Sha256;
use serde_json::{Value, json};

use crate::{
    CONTENTS, Envelope, Predicate, PrivateKey, Statement, Subject, statement::PAYLOAD_TYPE,
};

/// How the names of bundles end.
pub const SUFFIX: &str = ".intoto.jsonl";

/// Where the bundle of what lies at `location` is, relative to the folder of evidence. An item that was published more
/// than once with the same package has more than one, of which `number` is the place, from one.
pub fn bundle_name(location: &str, number: u32) -> String {
    match number {
        0 | 1 => format!("{location}{SUFFIX}"),
        number => format!("{location}.{number}{SUFFIX}"),
    }
}

/// What a bundle at `name` may be of, relative to the folder of packages, or of pkginfos for an item without package;
/// nothing if it is no bundle. `Foo.1.intoto.jsonl` is of `Foo.1`, and `Foo-2.dmg.2.intoto.jsonl` may be the second one
/// of `Foo-2.dmg`.
pub fn item_of(name: &str) -> Option<Vec<&str>> {
    let stem = name.strip_suffix(SUFFIX).filter(|stem| !stem.is_empty())?;
    let mut items = vec![stem];
    if let Some((first, number)) = stem.rsplit_once('.') {
        let is_number = number.parse::<u32>().is_ok_and(|number| number > 1);
        items.extend(is_number.then_some(first));
    }
    Some(items)
}

/// Says each of `predicates` of `subjects`, and which ones those were. The same input gives the same bytes.
pub fn sign_bundle(subjects: &[Subject], predicates: &[Predicate], key: &PrivateKey) -> Vec<u8> {
    let mut lines = String::new();
    let mut contents = Vec::new();
    for predicate in predicates {
        let payload = payload(subjects, predicate.clone());
        contents.push(entry(&predicate.kind, &payload));
        add(&mut lines, payload, key);
    }
    let all = Predicate {
        kind: CONTENTS.to_owned(),
        value: json!({"statements": contents}),
    };
    add(&mut lines, payload(subjects, all), key);
    lines.into_bytes()
}

/// How the list of contents names a statement.
fn entry(kind: &str, payload: &[u8]) -> Value {
    json!({"predicateType": kind, "payload": {"sha256": Sha256::of(payload)}})
}

/// The digests of payloads that a list of contents names; nothing if it does not have that shape.
pub(crate) fn named(contents: &Value) -> Option<Vec<Sha256>> {
    let statements = contents.get("statements")?.as_array()?;
    let digest = |statement: &Value| {
        let digest = statement.pointer("/payload/sha256")?;
        digest.as_str()?.parse().ok()
    };
    statements.iter().map(digest).collect()
}

fn payload(subjects: &[Subject], predicate: Predicate) -> Vec<u8> {
    let mut subjects = subjects.to_vec();
    subjects.sort();
    let statement = Statement {
        subjects,
        predicate,
    };
    statement.to_payload()
}

fn add(lines: &mut String, payload: Vec<u8>, key: &PrivateKey) {
    lines.push_str(&Envelope::sign(PAYLOAD_TYPE, payload, key).to_line());
    lines.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bundle_is_found_by_its_item_and_the_item_by_its_bundle() {
        assert_eq!(bundle_name("a/Foo.dmg", 1), "a/Foo.dmg.intoto.jsonl");
        assert_eq!(bundle_name("a/Foo.dmg", 2), "a/Foo.dmg.2.intoto.jsonl");
        assert_eq!(item_of("a/Foo.dmg.intoto.jsonl"), Some(vec!["a/Foo.dmg"]));
        let second = item_of("a/Foo.dmg.2.intoto.jsonl").unwrap();
        assert_eq!(second, ["a/Foo.dmg.2", "a/Foo.dmg"]);
        assert_eq!(item_of("publications.jsonl"), None);
        assert_eq!(item_of(".intoto.jsonl"), None);
    }
}
