//! `identity`: a title that somebody else signs is held until a person decides, with software that vendors signed.

use std::path::Path;

use serde_json::Value;

use crate::{corpus, program::House};

/// Two releases of one vendor's application and one of another's, by where they lie among the corpus's media.
const VENDOR: &str =
    "pkg/CH34xVCPDriver_hist1.pkg/CH34xVCPDriver.pkg/Payload/Applications/CH34xVCPDriver.app";
const VENDOR_NEXT: &str = "dmg/CH34xVCPDriver.dmg/CH34xVCPDriver.app";
const STRANGER: &str = "app/DevSignedApp.zip/DevSignedApp.app";

const VERIFIER: &str = "\
- Processor: CodeSignatureVerifier
  Arguments: {input_path: '%IMAGE%/App.app', requirement: anchor apple generic}
";

/// A house whose title takes any vendor's signature, and images with an application of each of two vendors.
fn house() -> Option<House> {
    let media = corpus::folder("media")?;
    let house = House::new();
    house.write(
        "auto-update.toml",
        "[autopkg]\nrecipe-search-dirs = ['r']\nrecipe-override-dirs = ['o']\n",
    );
    write_recipe(&house, VERIFIER);
    house.ok("make-override Widget.munki");
    house.ok("trust approve Widget.munki --by ann");
    write_image(&house, "vendor", &media.join(VENDOR));
    write_image(&house, "vendor-next", &media.join(VENDOR_NEXT));
    write_image(&house, "stranger", &media.join(STRANGER));
    Some(house)
}

fn write_recipe(house: &House, verifier: &str) {
    let recipe = format!(
        "\
Identifier: com.example.munki.Widget
Input: {{NAME: Widget, pkginfo: {{name: Widget, catalogs: [testing], version: '%VERSION%'}}}}
Process:
{verifier}- Processor: MunkiImporter
  Arguments: {{pkg_path: '%IMAGE%', repo_subdirectory: apps}}
"
    );
    house.write("r/Widget.munki.recipe.yaml", &recipe);
}

fn write_image(house: &House, name: &str, app: &Path) {
    let contents = house.path(name);
    fs_err::create_dir(&contents).unwrap();
    let place = ::media::locate(app).unwrap();
    ::media::extract(&*place.tree, &place.inner, &contents.join("App.app")).unwrap();
    let image = house.path(&format!("{name}.dmg"));
    ::media::write::dmg(&contents, "Widget", &image).unwrap();
}

/// Runs the title with an image; answers the object that the run prints.
#[track_caller]
fn run(house: &House, image: &str, version: &str, status: i32) -> Value {
    let outcome = house.run(&format!(
        "run Widget.munki --json --accept scan-inconclusive -k VERSION={version} -k IMAGE=[HOUSE]/{image}.dmg"
    ));
    assert_eq!(outcome.status, Some(status), "{outcome}");
    serde_json::from_str(&outcome.stdout).unwrap()
}

fn lines(text: &str) -> Vec<Value> {
    let lines = text.lines();
    lines
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// The id of the entry that stands in this state; there is one.
#[track_caller]
fn entry(house: &House, state: &str) -> String {
    let entries = lines(&house.ok("identity list --json"));
    let mut found = entries.iter().filter(|entry| entry["state"] == state);
    let id = found.next().unwrap()["id"].as_str().unwrap().to_owned();
    assert!(found.next().is_none(), "{entries:?}");
    id
}

fn versions(house: &House) -> Vec<String> {
    let catalog = house.read("var/repo/catalogs/all");
    let catalog = proplist::from_bytes(catalog.as_bytes()).unwrap();
    let items = catalog.as_array().unwrap().iter();
    let version = |item: &proplist::Value| {
        let item = item.as_dict().unwrap();
        item["version"].as_str().unwrap().to_owned()
    };
    items.map(version).collect()
}

#[test]
fn the_same_signer_passes_and_another_waits_until_it_is_approved() {
    let Some(house) = house() else { return };
    assert_eq!(run(&house, "vendor", "1.0", 0)["state"], "published");
    assert_eq!(run(&house, "vendor-next", "2.0", 0)["state"], "published");
    let accepted = lines(&house.ok("identity list --json"));
    assert_eq!(accepted.len(), 1);
    assert_eq!(accepted[0]["found"][0]["team_id"], "5JZGQTGU4W");

    let held = run(&house, "stranger", "3.0", 70);
    assert_eq!(
        (&held["state"], &held["class"]),
        (&"held".into(), &"identity-changed".into())
    );
    assert_eq!(versions(&house), ["1.0", "2.0"]);
    let id = entry(&house, "held");
    let next_step = held["next_step"].as_str().unwrap();
    assert!(next_step.contains(&id), "{next_step}");
    let incident = house.ok(&format!(
        "incident show {}",
        held["incident"].as_str().unwrap()
    ));
    let shown = house.ok(&format!("identity show {id}"));
    for text in [&incident, &shown] {
        assert!(text.contains("team         was  5JZGQTGU4W"), "{text}");
        assert!(text.contains("             now  ZCK58M894E"), "{text}");
    }

    let no_reason = house.run(&format!("identity approve {id} --by ann"));
    assert_eq!(no_reason.status, Some(2), "{no_reason}");
    let approved = house.ok(&format!(
        "identity approve {id} --by ann --reason asked --json"
    ));
    let approved = &lines(&approved)[0];
    assert_eq!(
        (
            &approved["state"],
            &approved["decided_by"],
            &approved["reason"]
        ),
        (&"approved".into(), &"ann".into(), &"asked".into())
    );
    assert_eq!(run(&house, "stranger", "3.0", 0)["state"], "published");
    assert_eq!(versions(&house), ["1.0", "2.0", "3.0"]);
    let resolved = lines(&house.ok("incident list --all --json"));
    let ours = resolved
        .iter()
        .find(|incident| incident["class"] == "identity-changed");
    assert_eq!(ours.unwrap()["state"], "resolved");
    let states: Vec<String> = house
        .ok("identity list --all Widget.munki")
        .lines()
        .map(|line| line.split(' ').nth(1).unwrap().to_owned())
        .collect();
    assert_eq!(states, ["accepted", "approved", "held", "accepted"]);
}

#[test]
fn what_was_refused_stays_held_and_an_approval_is_for_nothing_else() {
    let Some(house) = house() else { return };
    run(&house, "vendor", "1.0", 0);
    run(&house, "stranger", "2.0", 70);
    let stranger = entry(&house, "held");
    house.ok(&format!(
        "identity refuse {stranger} --by ann --reason unknown"
    ));
    let again = run(&house, "stranger", "2.0", 70);
    assert_eq!(again["state"], "held");
    let message = again["message"].as_str().unwrap();
    assert!(message.contains("; ann refused that on "), "{message}");

    // The recipe does not verify any more, and somebody approved that: it is another thing to say yes to.
    write_recipe(&house, "");
    house.ok("update-trust-info Widget.munki");
    house.ok("trust approve Widget.munki --by ann");
    let unchecked = run(&house, "stranger", "2.0", 70);
    assert_eq!(unchecked["class"], "identity-changed");
    let nothing = entry(&house, "held");
    house.ok(&format!(
        "identity approve {nothing} --by bob --reason tried"
    ));
    write_recipe(&house, VERIFIER);
    house.ok("update-trust-info Widget.munki");
    house.ok("trust approve Widget.munki --by ann");
    let still = run(&house, "stranger", "2.0", 70);
    assert_eq!(still["class"], "identity-changed");
    assert_eq!(versions(&house), ["1.0"]);
    assert_eq!(run(&house, "vendor-next", "2.0", 0)["state"], "published");
}

#[test]
fn a_house_without_signatures_has_nothing_to_decide() {
    let house = House::new();
    assert_eq!(house.ok("identity list"), "");
    let id = "00000000-0000-7000-8000-000000000000";
    for verb in [
        "show",
        "approve --reason x --by y",
        "refuse --reason x --by y",
    ] {
        let (verb, options) = verb.split_once(' ').unwrap_or((verb, ""));
        let unknown = house.run(&format!("identity {verb} {id} {options}"));
        assert_eq!(unknown.status, Some(1), "{unknown}");
        assert!(unknown.shows("There is no such entry"), "{unknown}");
        let nonsense = house.run(&format!("identity {verb} nonsense {options}"));
        assert_eq!(nonsense.status, Some(2), "{nonsense}");
    }
}
