//! Recipes with something wrong in them, and ones with nothing.

use super::*;
use crate::{Library, ResolveError};

/// Knows a handful of processors.
struct Handbook(Vec<(&'static str, Known)>);

impl Handbook {
    fn new() -> Self {
        let known = |inputs: &str, required: &str, outputs: &str| {
            let words = |text: &str| text.split_whitespace().map(str::to_owned).collect();
            Known {
                inputs: words(inputs),
                required: words(required),
                outputs: words(outputs),
                ..Known::default()
            }
        };
        let verifier = "input_path requirement requirements expected_authority_names expected_authorities deep_verification";
        Self(vec![
            ("CodeSignatureVerifier", known(verifier, "input_path", "")),
            (
                "Copier",
                known("source_path destination_path", "source_path", ""),
            ),
            ("DeprecationWarning", known("warning_message", "", "")),
            ("EndOfCheckPhase", known("", "", "")),
            (
                "MunkiImporter",
                known("pkg_path pkginfo", "pkg_path", "pkginfo_repo_path"),
            ),
            (
                "PkgCreator",
                known("pkg_request", "pkg_request", "pkg_path"),
            ),
            ("StopProcessingIf", known("predicate", "predicate", "")),
            (
                "URLDownloader",
                known(
                    "url filename prefetch_filename curl_opts",
                    "url",
                    "pathname",
                ),
            ),
            (
                "URLTextSearcher",
                known(
                    "re_pattern url result_output_var_name",
                    "re_pattern url",
                    "",
                ),
            ),
            (
                "VariableSetter",
                Known {
                    takes_any_argument: true,
                    ..Known::default()
                },
            ),
        ])
    }
}

impl Manual for Handbook {
    fn processor(&self, name: &str) -> Option<&Known> {
        let found = self.0.iter().find(|(known, _)| *known == name);
        found.map(|(_, known)| known)
    }

    fn names(&self) -> Vec<&str> {
        self.0.iter().map(|(name, _)| *name).collect()
    }

    fn variables(&self) -> Vec<String> {
        vec!["FROM_PREFERENCES".to_owned()]
    }

    fn autopkg_version(&self) -> &'static str {
        "2.9.1"
    }

    fn fault(&self, _language: Language, text: &str) -> Option<String> {
        text.contains("WRONG").then(|| "it is wrong".to_owned())
    }
}

struct Shelf(tempfile::TempDir);

impl Shelf {
    fn new(files: &[(&str, &str)]) -> Self {
        let shelf = Self(tempfile::tempdir().unwrap());
        for (name, text) in files {
            let path = shelf.0.path().join(name);
            fs_err::create_dir_all(path.parent().unwrap()).unwrap();
            fs_err::write(path, text).unwrap();
        }
        shelf
    }

    fn library(&self) -> Library {
        let dir = |name: &str| self.0.path().join(name).display().to_string();
        Library::new(&[dir("r")], &[dir("o")], None)
    }

    /// `file:line rule` of everything that is found in the recipe, or in what keeps it from being one.
    fn audit(&self, name: &str) -> Vec<String> {
        let (library, handbook) = (self.library(), Handbook::new());
        let auditor = Auditor::new(&library, &handbook);
        let findings = match library.resolve(name) {
            Ok(recipe) => auditor.audit(&recipe),
            Err(error) => vec![auditor.refused(name, &error)],
        };
        findings.iter().map(shown).collect()
    }

    fn refused(&self, name: &str) -> String {
        let path = self.0.path().join(name).display().to_string();
        let (library, handbook) = (self.library(), Handbook::new());
        let error: ResolveError = library.resolve(&path).unwrap_err();
        shown(&Auditor::new(&library, &handbook).refused(&path, &error))
    }
}

fn shown(finding: &Finding) -> String {
    let name = finding.file.file_name().unwrap().to_string_lossy();
    let stem = name.split('.').next().unwrap();
    format!("{stem}:{} {}", finding.line, finding.rule.id)
}

/// What is found in one recipe with these lines after `Input`, which stands on line 2.
fn findings(rest: &str) -> Vec<String> {
    let text = format!("Identifier: a\nInput: {{NAME: App}}\n{rest}");
    Shelf::new(&[("r/A.recipe.yaml", text.as_str())]).audit("A")
}

#[test]
fn a_recipe_without_fault_is_left_alone() {
    let text = "\
Identifier: a
MinimumVersion: '2.3'
Input:
  NAME: App
  pkginfo: {name: '%NAME%', catalogs: [testing], description: An application.}
Process:
- Processor: URLTextSearcher
  Arguments: {url: 'https://example.com', re_pattern: '(?P<file>.*) (?P<version>.*)'}
- Processor: URLDownloader
  Arguments: {url: 'https://example.com/%file%-%match%-%FROM_PREFERENCES%', filename: '%NAME%.dmg'}
- Processor: EndOfCheckPhase
- Processor: CodeSignatureVerifier
  Arguments: {input_path: '%pathname%/%NAME%.app', requirement: 'anchor apple generic', Comment: x}
- Processor: StopProcessingIf
  Arguments: {predicate: 'stopper == TRUE'}
- Processor: MunkiImporter
  Arguments: {pkg_path: '%pathname%', stopper: 'a', again: '%stopper%', last: '%again%', pkginfo: '%last%'}
";
    assert_eq!(
        Shelf::new(&[("r/A.recipe.yaml", text)]).audit("A"),
        Vec::<String>::new()
    );
}

#[test]
fn names_that_nobody_knows_are_found_on_their_lines() {
    assert_eq!(
        findings(
            "MiniumumVersion: 1\nProcess:\n- Processor: URLDownloder\n- Processor: com.example.gone/Thing\n- Processor: PkgCreator\n  Arugments:\n    pkg_request: {}\n- Processor: Copier\n  source_path: x\n  Arguments:\n    source_path: x\n    destnation_path: y\n    colour: red\n"
        ),
        [
            "A:3 misspelt-key",
            "A:5 unknown-processor",
            "A:6 unknown-processor",
            "A:8 misspelt-key",
            "A:11 misplaced-argument",
            "A:14 misspelt-argument",
            "A:15 unread-argument",
        ]
    );
}

#[test]
fn what_a_stranger_may_read_or_set_is_not_complained_of() {
    let found = findings(
        "Process:\n- Processor: Copier\n  Arguments:\n    source_path: x\n    colour: red\n- Processor: Stranger\n- Processor: MunkiImporter\n  Arguments: {pkg_path: '%made_by_stranger%'}\n",
    );
    assert_eq!(found, ["A:4 modifies-contents", "A:8 unknown-processor"]);
}

#[test]
fn downloads_that_nobody_vouches_for_are_found() {
    assert_eq!(
        findings(
            "Process:\n- Processor: URLDownloader\n  Arguments:\n    url: http://example.com/a.dmg\n"
        ),
        [
            "A:4 no-signature-check",
            "A:4 missing-end-of-check-phase",
            "A:6 http-url"
        ]
    );
}

#[test]
fn pins_are_held_against_what_is_checked() {
    let one = |path: &str, pin: &str| {
        let found = findings(&format!(
            "Process:\n- Processor: URLDownloader\n  Arguments: {{url: 'https://a', filename: '%NAME%.pkg'}}\n- Processor: EndOfCheckPhase\n- Processor: CodeSignatureVerifier\n  Arguments:\n    input_path: '{path}'\n    {pin}\n"
        ));
        found.join(", ")
    };
    for (path, pin, found) in [
        ("%pathname%", "requirement: r", "A:10 inapplicable-argument"),
        ("%pathname%", "expected_authority_names: [a]", ""),
        ("%pathname%", "", "A:7 nothing-pinned"),
        (
            "%pathname%/A.app",
            "expected_authority_names: [a]",
            "A:10 inapplicable-argument",
        ),
        ("%pathname%/A.app", "requirements: r", ""),
        ("%pathname%/A.app", "", "A:7 nothing-pinned"),
        ("%dmg%", "requirement: r", "A:9 undefined-variable"),
        ("a.app", "requirement: WRONG", "A:10 invalid-requirement"),
        (
            "a.app",
            "requirement: WRONG %NAME% %later%",
            "A:10 undefined-variable",
        ),
    ] {
        assert_eq!(one(path, pin), found, "{path} {pin}");
    }
    assert_eq!(
        findings(
            "Process:\n- Processor: VariableSetter\n  Arguments: {DISABLE_CODE_SIGNATURE_VERIFICATION: 1}\n"
        ),
        ["A:5 signature-check-disabled"]
    );
}

#[test]
fn what_lacks_a_value_is_found() {
    assert_eq!(
        findings(
            "Process:\n- Processor: MunkiImporter\n  Arguments: {pkginfo: '%NMAE% %d% %x'}\n- Processor: StopProcessingIf\n  Arguments: {predicate: WRONG}\n"
        ),
        [
            "A:4 missing-argument",
            "A:5 undefined-variable",
            "A:5 undefined-variable",
            "A:7 invalid-predicate"
        ]
    );
    assert_eq!(
        findings("Process:\n- Processor: VariableSetter\n  Arguments: {date: '+%Y%m%d'}\n"),
        Vec::<String>::new()
    );
}

#[test]
fn options_of_curl_that_are_not_understood_are_found() {
    let with = |options: &str| {
        let found = findings(&format!(
            "Process:\n- Processor: URLDownloader\n  Arguments: {{url: 'https://example.com/a', curl_opts: {options}}}\n"
        ));
        found.contains(&"A:5 invalid-option".to_owned())
    };
    assert!(with("['-L', 'WRONG']") && with("['-H', 'A: %WRONG%']") && with("['-WRONG', '%a%']"));
    assert!(!with("['-L']") && !with("['%WRONG%']") && !with("WRONG"));
}

#[test]
fn files_are_looked_at_one_by_one() {
    let shelf = Shelf::new(&[
        (
            "r/a/Parent.recipe",
            "<?xml version=\"1.0\"?>\n<plist>\n<dict>\n<key>Identifier</key>\n<string>p</string>\n<key>MinimumVersion</key>\n<string>3.1</string>\n<key>Input</key>\n<dict>\n<key>pkginfo</key>\n<dict>\n<key>cateogry</key>\n<string/>\n</dict>\n</dict>\n<key>Process</key>\n<array>\n<dict>\n<key>Processor</key>\n<string>DeprecationWarning</string>\n</dict>\n</array>\n</dict>\n</plist>\n",
        ),
        (
            "r/b/Twin.recipe.yaml",
            "Identifier: p\nInput: {}\nProcess: []\n",
        ),
        ("o/Child.recipe.yaml", "Input: {}\nParentRecipe: p\n"),
        ("r/a/DeprecationWarning.py", ""),
    ]);
    assert_eq!(
        shelf.audit("Child"),
        [
            "Child:1 no-identifier",
            "Child:2 missing-trust-info",
            "Parent:4 duplicate-identifier",
            "Parent:6 minimum-version",
            "Parent:12 misspelt-key",
            "Parent:19 shadowed-processor",
            "Parent:19 deprecated-recipe",
        ]
    );
    assert_eq!(
        shelf.audit("Twin"),
        ["Twin:1 duplicate-identifier", "Twin:3 empty-process"]
    );
}

#[test]
fn what_keeps_a_recipe_from_being_one_is_found_on_its_line() {
    let shelf = Shelf::new(&[
        (
            "r/Orphan.recipe.yaml",
            "Identifier: o\nInput: {}\nParentRecipe: gone\n",
        ),
        (
            "r/Grandchild.recipe.yaml",
            "Identifier: g\nParentRecipe: o\nInput: {}\n",
        ),
        (
            "r/Circle.recipe.yaml",
            "Identifier: c\nInput: {}\nParentRecipe: c\n",
        ),
        (
            "r/Odd.recipe.yaml",
            "Identifier: x\nProcess: []\nInput: 3\n",
        ),
        (
            "r/Step.recipe.yaml",
            "Identifier: s\nInput: {}\nProcess: [3]\n",
        ),
        ("r/Bad.recipe.yaml", "Identifier: b\nInput: [\n"),
        (
            "r/Worse.recipe",
            "<?xml version=\"1.0\"?>\n<plist>\n<dict><true/></dict></plist>",
        ),
        ("r/Bare.recipe.yaml", "Identifier: b\n"),
    ]);
    for (name, found) in [
        ("Orphan", "Orphan:3 missing-parent"),
        ("Grandchild", "Orphan:3 missing-parent"),
        ("Circle", "Circle:3 parent-circle"),
        ("Odd", "Odd:3 malformed"),
        ("Step", "Step:3 malformed"),
        ("Bad", "Bad:3 unreadable"),
        ("Bare", "Bare:1 malformed"),
    ] {
        assert_eq!(shelf.refused(&format!("r/{name}.recipe.yaml")), found);
    }
    assert_eq!(shelf.refused("r/Worse.recipe"), "Worse:3 unreadable");
}

#[test]
fn rules_have_names_in_order_and_something_to_say() {
    let ids: Vec<&str> = RULES.iter().map(|rule| rule.id).collect();
    assert!(ids.is_sorted(), "{ids:?}");
    let fine = |letter: char| letter.is_ascii_lowercase() || letter == '-';
    assert!(ids.iter().all(|id| id.chars().all(fine)));
    assert!(
        RULES
            .iter()
            .all(|rule| rule.why.ends_with('.') && !rule.title.ends_with('.'))
    );
}
