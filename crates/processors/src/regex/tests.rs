//! Against what `CPython` says.

use std::{fmt::Write as _, io::Read as _, path::Path};

use serde_json::Value as Json;

use super::Pattern;

fn found(pattern: &str, text: &str) -> Option<String> {
    let pattern = Pattern::new(pattern, &[]).unwrap();
    let found = pattern.search(text).unwrap()?;
    Some(
        found
            .text(found.last_index.unwrap_or(0))
            .unwrap_or_default()
            .to_owned(),
    )
}

#[test]
fn the_last_group_to_close_is_the_result() {
    for (pattern, text, expected) in [
        ("((a)b)", "ab", "ab"),
        ("(a)(b)?", "a", "a"),
        ("(a)|(b)", "b", "b"),
        ("x+", "axx", "xx"),
        ("(?:(a)|(b))*", "ba", "a"),
        ("(?=(.*))(a)", "abc", "a"),
        (r"(\d+)$", "v12\n", "12"),
        (r#"mac":{"link"(.)"#, r#"mac":{"link":"#, ":"),
        (r"\<(\w+)\>", "<é1>", "é1"),
        (r"[\w-]+", "a-b c", "a-b"),
        (r"[[a]+", "x[a", "[a"),
        (r"[a&&b]+", "&ab", "&ab"),
        (r"(?i)(ABC)", "xabc", "abc"),
        (r"a{,2}b", "aab", "aab"),
        (r"(?P<n>a)(?P=n)", "aa", "a"),
        (r"[]x]+", "]x", "]x"),
        (r"[^]x]+", "]a]", "a"),
        (r"(a)\1", "aa", "a"),
        (r"\146+", "eff", "ff"),
        (r"\1461", "f1", "f1"),
        (r"\056b", "axb.b", ".b"),
        (r"(?=x)*(b)", "ab", "b"),
        (r"a(?=(b))+b", "ab", "b"),
        (r"(?!x){1,2}(b)", "ab", "b"),
    ] {
        assert_eq!(found(pattern, text).as_deref(), Some(expected), "{pattern}");
    }
}

#[test]
fn what_python_refuses_is_refused() {
    for pattern in [
        "(", ")", "[a", r"\I", "(?P<n", "a\\", "(?y)", "[b-a]", r"\400",
    ] {
        assert!(Pattern::new(pattern, &[]).is_err(), "{pattern}");
    }
}

#[test]
fn flags_are_pythons() {
    let flags = [
        "DOTALL".to_owned(),
        "IGNORECASE".to_owned(),
        "NONSENSE".to_owned(),
    ];
    let pattern = Pattern::new("A.b", &flags).unwrap();
    assert!(pattern.search("xa\nB").unwrap().is_some());
    let pattern = Pattern::new("^b$", &["MULTILINE".to_owned()]).unwrap();
    assert!(pattern.search("a\nb\nc").unwrap().is_some());
    let pattern = Pattern::new("a b # c", &["VERBOSE".to_owned()]).unwrap();
    assert!(pattern.search("ab").unwrap().is_some());
    assert!(
        Pattern::at_start("b")
            .unwrap()
            .search("ab")
            .unwrap()
            .is_none()
    );
}

#[test]
fn the_flag_for_ascii_holds_for_words_digits_and_spaces() {
    for (pattern, text, expected) in [
        (r"\w+", "éab", "ab"),
        (r"[\w-]+", "éa-b", "a-b"),
        (r"\W", "éab", "é"),
        (r"[^\W]", "éab", "a"),
        (r"\d+", "٣12", "12"),
        (r"[\d-]+", "٣1-2", "1-2"),
        (r"\D", "1٣", "٣"),
        (r"a\sb|c", "a\u{a0}bc", "c"),
        (r"[\s]b", "\u{a0}b\tb", "\tb"),
        (r"\bab", "xab éab", "ab"),
        (r"\Bab", "éab xab", "ab"),
    ] {
        for (pattern, flags) in [
            (pattern.to_owned(), vec!["ASCII".to_owned()]),
            (pattern.to_owned(), vec!["A".to_owned()]),
            (format!("(?a){pattern}"), Vec::new()),
            (format!("(?a:{pattern})"), Vec::new()),
        ] {
            let compiled = Pattern::new(&pattern, &flags).unwrap();
            let found = compiled.search(text).unwrap();
            let found = found.as_ref().and_then(|found| found.text(0));
            assert_eq!(found, Some(expected), "{pattern}");
        }
    }
    // For that group alone.
    assert_eq!(found(r"(?a:\w)\w", "éaé").as_deref(), Some("aé"));
    let edge = Pattern::new(r"\bab", &["ASCII".to_owned()]).unwrap();
    assert_eq!(
        edge.search("éab").unwrap().unwrap().groups[0]
            .unwrap()
            .start(),
        2
    );
}

/// Character offsets, as Python counts them.
fn chars(text: &str, byte: usize) -> usize {
    text.char_indices().take_while(|(at, _)| *at < byte).count()
}

fn search_of(pattern: &Pattern, text: &str) -> Result<Json, String> {
    let found = pattern.search(text).map_err(|error| error.to_string())?;
    let Some(found) = found else {
        return Ok(Json::Null);
    };
    let text_of = |index: usize| found.text(index).map_or(Json::Null, Json::from);
    let whole = found.groups[0].as_ref().unwrap();
    let named: serde_json::Map<String, Json> = found
        .names
        .iter()
        .map(|(name, index)| (name.clone(), text_of(*index)))
        .collect();
    Ok(serde_json::json!({
        "span": [chars(text, whole.start()), chars(text, whole.end())],
        "groups": (1..found.groups.len()).map(text_of).collect::<Vec<_>>(),
        "named": named,
        "lastindex": found.last_index,
    }))
}

/// What differs from `CPython` in one line of the corpus; nothing if nothing does.
fn differences(line: &Json) -> Vec<String> {
    let source = line["pattern"].as_str().unwrap();
    let flags: Vec<String> = line["flags"]
        .as_array()
        .unwrap()
        .iter()
        .map(|flag| flag.as_str().unwrap().to_owned())
        .collect();
    let refused = line.get("error").is_some_and(|error| !error.is_null());
    let pattern = match (Pattern::new(source, &flags), refused) {
        (Err(_), true) => return Vec::new(),
        (Ok(_), true) => return vec![format!("accepted: {source}")],
        (Err(error), false) => return vec![format!("refused: {source}: {error}")],
        (Ok(pattern), false) => pattern,
    };
    let cases = line["cases"].as_array().unwrap();
    cases
        .iter()
        .filter_map(|case| {
            let ours = search_of(&pattern, case["text"].as_str().unwrap());
            let same = ours.as_ref().is_ok_and(|ours| *ours == case["search"]);
            (!same).then(|| format!("{source}: {} against {ours:?}", case["search"]))
        })
        .collect()
}

#[test]
fn agrees_with_cpython_on_the_patterns_of_public_recipes() {
    let corpus = std::env::var("AUTO_UPDATE_CORPUS").unwrap_or_else(|_unset| {
        concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/corpus").to_owned()
    });
    let file = Path::new(&corpus).join("recipes/regexes.jsonl.gz");
    let Ok(compressed) = fs_err::File::open(&file) else {
        println!("skipped: there is no {}", file.display());
        return;
    };
    let mut lines = String::new();
    flate2::read::GzDecoder::new(compressed)
        .read_to_string(&mut lines)
        .unwrap();
    let mut total = 0;
    let mut failed = 0;
    let mut shown = String::new();
    for line in lines.lines() {
        total += 1;
        let differences = differences(&serde_json::from_str(line).unwrap());
        if let Some(first) = differences.first() {
            failed += 1;
            writeln!(shown, "{first}").unwrap();
        }
    }
    println!("{} of {total} patterns agree\n{shown}", total - failed);
    // Two differ in the text of a group that repeats empty.
    assert!(failed <= 2, "{failed} of {total} patterns differ:\n{shown}");
}
