use std::path::Path;

use recipe::{Auditor, Library, Scope};

use super::{Handbook, RecipeEntry, RecipeQuery, Runs, search::search};

const ENTRIES: [(&str, &str); 5] = [
    (
        "Firefox.download",
        "Identifier: com.example.download.Firefox\nDescription: Gets the browser.\nInput: {NAME: Firefox}\nProcess:\n\
         - Processor: URLDownloader\n  Arguments: {url: 'https://example.com/Firefox.dmg'}\n\
         - Processor: EndOfCheckPhase\n\
         - Processor: CodeSignatureVerifier\n  Arguments: {input_path: '%pathname%/F.app', requirement: 'identifier F and anchor apple generic'}\n",
    ),
    (
        "Firefox.munki",
        "Identifier: com.example.munki.Firefox\nParentRecipe: com.example.download.Firefox\nInput: {NAME: Firefox, pkginfo: {display_name: Mozilla Firefox}}\nProcess: []\n",
    ),
    (
        "Browsers",
        "Identifier: com.example.browsers\nDescription: Is not Firefox at all.\nInput: {NAME: '%OTHER%'}\nProcess:\n\
         - Processor: com.example.download.Firefox/Shared\n",
    ),
    (
        "Lost.munki",
        "Identifier: com.example.lost\nParentRecipe: com.example.nowhere\nInput: {}\n",
    ),
    (
        "Plain.download",
        "Identifier: com.example.plain\nInput: {NAME: Plain}\nProcess:\n- Processor: URLDownloader\n  Arguments: {url: 'http://example.com/P.dmg'}\n",
    ),
];

fn index(folder: &Path) -> Vec<RecipeEntry> {
    for (name, text) in ENTRIES {
        fs_err::write(folder.join(format!("{name}.recipe.yaml")), text).unwrap();
    }
    fs_err::write(folder.join("Shared.py"), "").unwrap();
    let library = Library::new(&[folder.display().to_string()], &[], None);
    let handbook = Handbook::new(Vec::new());
    let auditor = Auditor::new(&library, &handbook);
    let entry = |(path, scope): &(std::path::PathBuf, Scope)| {
        let name = path.to_string_lossy();
        let whole = library.resolve_in(&name, *scope, &[]);
        let findings = match &whole {
            Ok(recipe) => auditor.audit(recipe),
            Err(error) => vec![auditor.refused(&name, error)],
        };
        RecipeEntry::of(
            (path, *scope),
            "example-recipes".to_owned(),
            &whole,
            &findings,
        )
    };
    library.survey().files.iter().map(entry).collect()
}

#[test]
fn recipes_are_found_by_what_they_are_called_and_say_best_first() {
    let folder = tempfile::tempdir().unwrap();
    let entries = index(folder.path());
    let found = |query: RecipeQuery<'_>| {
        let found = search(&entries, &query);
        let names: Vec<&str> = found.iter().map(|it| it.name.as_str()).collect();
        names.join(" ")
    };
    let words = |words| RecipeQuery {
        words,
        ..RecipeQuery::default()
    };
    assert_eq!(
        found(words(" FIREFOX ")),
        "Firefox.download Firefox.munki Browsers"
    );
    assert_eq!(found(words("mozilla")), "Firefox.munki");
    assert_eq!(found(words("com.example.munki")), "Firefox.munki");
    assert_eq!(
        found(words("browser gets")),
        "Firefox.download Firefox.munki"
    );
    assert_eq!(found(words("example-recipes lost")), "Lost.munki");
    assert_eq!(found(words("nobody")), "");
    let running = |runs| RecipeQuery {
        runs: Some(runs),
        ..RecipeQuery::default()
    };
    assert_eq!(found(running(Runs::Sandbox)), "Browsers");
    assert_eq!(found(running(Runs::Cannot)), "Lost.munki");
    let clean = RecipeQuery {
        only_clean: true,
        ..RecipeQuery::default()
    };
    assert!(!found(clean).contains("Plain"), "{}", found(clean));
    assert!(
        found(clean).contains("Firefox.download"),
        "{}",
        found(clean)
    );
}

#[test]
fn an_entry_says_what_an_audit_found_and_whether_the_chain_is_whole() {
    let folder = tempfile::tempdir().unwrap();
    let entries = index(folder.path());
    let entry = |name: &str| entries.iter().find(|it| it.name == name).unwrap();
    let lost = entry("Lost.munki");
    assert!(!lost.is_whole);
    let found: Vec<&str> = lost.found.iter().map(|rule| rule.id).collect();
    assert_eq!(found, ["missing-parent"]);
    let plain = entry("Plain.download");
    let found: Vec<&str> = plain.found.iter().map(|rule| rule.id).collect();
    assert!(found.contains(&"http-url"), "{found:?}");
    assert_eq!(entry("Browsers").app, None);
    assert_eq!(
        entry("Firefox.munki").app.as_deref(),
        Some("Mozilla Firefox")
    );
    assert_eq!(entry("Firefox.munki").description, "Gets the browser.");
    assert_ne!(plain.key, lost.key);
    assert_eq!(plain.key.len(), 24);
}
