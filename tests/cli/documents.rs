//! The documents say what the program does.

use std::{
    collections::BTreeSet,
    fs::Permissions,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use crate::program::House;

/// With this variable set, documents that are made from the program are written instead of compared.
const UPDATE: &str = "UPDATE_EXPECT";

const COMMANDS: &str = "docs/reference/commands.md";

const PREFACE: &str = "\
# Commands

What the program says of itself with `--help`. This page is made by a test: do not edit it, change the doc comments in
`src/cli` and run `UPDATE_EXPECT=1 cargo test --test cli documents`.

`-v`, `-q`, `--config` and `--prefs` may stand before or after any verb. Long flags may be shortened as long as they stay
unlike each other. Statuses: [exit statuses](exit-statuses.md). Output for programs: [JSON](json.md).
";

fn checkout() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &str) -> String {
    fs_err::read_to_string(checkout().join(path)).unwrap()
}

#[test]
fn every_command_is_on_its_page() {
    let house = House::new();
    let page = format!("{PREFACE}{}", sections(&house, ""));
    if std::env::var_os(UPDATE).is_some() {
        fs_err::write(checkout().join(COMMANDS), &page).unwrap();
    }
    assert!(
        read(COMMANDS) == page,
        "`{COMMANDS}` is not what the program says; `{UPDATE}=1 cargo test --test cli documents` writes it"
    );
}

/// The help of `verb`, and of the verbs below it, as sections of the page.
fn sections(house: &House, verb: &str) -> String {
    let help = house.ok(&format!("{verb} --help"));
    let lines: Vec<&str> = help.lines().map(str::trim_end).collect();
    let text = lines.join("\n");
    let name = format!("auto-update {verb}");
    let own = format!("\n## `{}`\n\n```text\n{}\n```\n", name.trim(), text.trim());
    let below = verbs_below(&help)
        .into_iter()
        .map(|below| sections(house, format!("{verb} {below}").trim()));
    [own].into_iter().chain(below).collect()
}

fn verbs_below(help: &str) -> Vec<String> {
    help.lines()
        .skip_while(|line| *line != "Commands:")
        .skip(1)
        .take_while(|line| !line.is_empty())
        .filter(|line| line.starts_with("  ") && !line.starts_with("   "))
        .filter_map(|line| line.split_whitespace().next())
        .filter(|verb| *verb != "help")
        .map(str::to_owned)
        .collect()
}

#[test]
fn the_example_of_every_key_is_accepted() {
    let page = read("docs/reference/configuration.md");
    let house = House::new();
    house.write("auto-update.toml", &fenced(&page, "toml")[0]);
    house.write("com.github.autopkg.plist", "{}");
    house.write("keys/virustotal", "key\n");
    house.write("keys/mail", "password\n");
    house.write("yara/ours.yar", "rule Ours { condition: false }");
    let secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    house.write("keys/webhook", secret);
    house.write("keys/inventory", secret);
    house.write("revoked-certificates.txt", "team ABCDE12345 # an example\n");
    let vendor = "RWQBAQEBAQEBAXP0pCdEboj2GRA3ISgvKCITKulUjIYlBmGizldYh6Zf";
    house.write("keys/widget.pub", vendor);
    let key = evidence::PrivateKey::generate().unwrap().to_pem().unwrap();
    let key = house.write("keys/evidence.pem", &key);
    fs_err::set_permissions(key, Permissions::from_mode(0o600)).unwrap();
    // It sets up everything that the configuration names, and calls nobody.
    let outcome = house.run("incident deliver");
    assert_eq!(outcome.status, Some(0), "{outcome}");
    house.ok("trust list");
}

#[test]
fn the_configurations_that_are_handed_out_are_accepted() {
    let house = House::new();
    let config = checkout()
        .join("deploy/auto-update.toml")
        .display()
        .to_string();
    house.ok(&format!("--config {config} info"));
    let schedules = checkout()
        .join("deploy/schedules.yaml")
        .display()
        .to_string();
    house.ok(&format!("schedule check {schedules}"));
    let first = fenced(&read("README.md"), "toml")[0].clone();
    house.write("auto-update.toml", &first);
    house.ok("trust list");
}

#[test]
fn schedules_in_the_book_can_be_read() {
    for path in ["README.md", "docs/first-title.md", "docs/operations.md"] {
        let schedules = fenced(&read(path), "yaml")
            .into_iter()
            .filter(|text| text.contains("schedules:"));
        for (number, text) in (1..).zip(schedules) {
            let house = House::new();
            house.write("schedules.yaml", &text);
            house.write("daily.txt", "Daily.munki\n");
            house.ok("schedule next");
            assert!(number <= 1, "{path} has more than one file of schedules");
        }
    }
}

#[test]
fn limits_names_every_core_processor_that_is_not_native() {
    let house = House::new();
    let limits = read("docs/limits.md");
    for line in house.ok("list-processors --json").lines() {
        let processor: serde_json::Value = serde_json::from_str(line).unwrap();
        let name = processor["name"].as_str().unwrap();
        let is_named = limits.contains(&format!("`{name}`"));
        assert_eq!(is_named, processor["native"] == false, "{name}");
    }
}

#[test]
fn the_schema_page_has_every_table() {
    let mut tables = BTreeSet::new();
    for entry in fs_err::read_dir(checkout().join("migrations/sqlite")).unwrap() {
        let text = fs_err::read_to_string(entry.unwrap().path()).unwrap();
        let created = text
            .lines()
            .filter_map(|line| line.strip_prefix("create table "));
        // A table that is made anew gets its name back in the same file.
        tables.extend(created.map(|rest| {
            let name = rest.trim_end_matches(" (");
            name.trim_end_matches("_anew").to_owned()
        }));
    }
    let page = read("docs/dev/schema.md");
    let described: BTreeSet<String> = page
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split_once('`'))
        .map(|(name, _)| name.to_owned())
        .collect();
    assert_eq!(described, tables);
}

/// The texts between fences of a language.
fn fenced(page: &str, language: &str) -> Vec<String> {
    let opening = format!("```{language}\n");
    page.split(&opening)
        .skip(1)
        .filter_map(|rest| rest.split_once("```"))
        .map(|(text, _)| text.to_owned())
        .collect()
}

#[test]
fn every_link_leads_somewhere() {
    let mut broken = Vec::new();
    for document in documents() {
        let text = fs_err::read_to_string(&document).unwrap();
        for target in links(&text) {
            if !leads_somewhere(&document, &target) {
                let shown = document.strip_prefix(checkout()).unwrap().display();
                broken.push(format!("{shown}: {target}"));
            }
        }
    }
    assert_eq!(broken, Vec::<String>::new());
}

/// Every page of the checkout that people read.
fn documents() -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![checkout().to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs_err::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if path.is_dir() && name != "target" && !name.starts_with('.') {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "md") {
                found.push(path);
            }
        }
    }
    found
}

/// The targets of links to files, outside of code.
fn links(text: &str) -> Vec<String> {
    let mut in_code = false;
    let mut found = Vec::new();
    for line in text.lines() {
        if line.starts_with("```") {
            in_code = !in_code;
        }
        if in_code {
            continue;
        }
        let targets = line.split("](").skip(1);
        let targets = targets.filter_map(|rest| rest.split_once(')'));
        found.extend(
            targets
                .map(|(target, _)| target.to_owned())
                .filter(|target| !target.contains("://")),
        );
    }
    found
}

fn leads_somewhere(document: &Path, target: &str) -> bool {
    let (path, anchor) = target.split_once('#').unwrap_or((target, ""));
    let place = if path.is_empty() {
        document.to_owned()
    } else {
        document.parent().unwrap().join(path)
    };
    if anchor.is_empty() {
        return place.exists();
    }
    let Ok(text) = fs_err::read_to_string(place) else {
        return false;
    };
    text.lines()
        .filter(|line| line.starts_with('#'))
        .any(|heading| anchor_of(heading) == anchor)
}

/// The name by which a heading is linked to, as the usual renderers make it.
fn anchor_of(heading: &str) -> String {
    heading
        .trim_start_matches('#')
        .trim()
        .to_lowercase()
        .chars()
        .filter(|letter| letter.is_alphanumeric() || matches!(letter, ' ' | '-' | '_'))
        .map(|letter| if letter == ' ' { '-' } else { letter })
        .collect()
}
