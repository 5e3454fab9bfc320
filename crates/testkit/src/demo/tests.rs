use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use codesign::{Pins, Report, Requirement};
use model::Timestamp;

use super::{
    images::{ImageMaker, Variant},
    software::Software,
    upstream::Upstream,
};

const NOW: Timestamp = Timestamp::from_secs(1_764_016_320);

/// The corpus's media, and those of the npm registry if the demo has fetched them; nothing if there are none.
fn software() -> Vec<Software> {
    let beside = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/corpus");
    let corpus =
        std::env::var_os("AUTO_UPDATE_CORPUS").map_or_else(|| beside.into(), PathBuf::from);
    let fetched = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/demo-media");
    let found: Vec<Software> = [corpus.join("media"), fetched]
        .into_iter()
        .filter_map(|folder| Software::find(&folder).ok())
        .collect();
    if found.is_empty() {
        eprintln!("skipped: there is no signed software here");
    }
    found
}

fn judge(image: &Path, item: &str, requirement: Option<&str>) -> Report {
    let pins = Pins {
        requirement: requirement.map(|text| Requirement::parse(text).unwrap()),
        ..Pins::none()
    };
    codesign::verify(&image.join(item), &pins, NOW).unwrap()
}

#[test]
fn each_image_is_judged_as_the_story_needs_it() {
    for software in software() {
        let folder = tempfile::tempdir().unwrap();
        let maker = ImageMaker::new(folder.path());
        let make = |release: usize, variant| -> PathBuf {
            let release = &software.releases[release];
            maker.make(&software, release, variant).unwrap()
        };
        let first = judge(&make(0, Variant::Genuine), software.item, None);
        assert!(first.verdict.is_accepted(), "{first:?}");
        let pinned = first.designated_requirement.as_deref();
        for (variant, is_accepted, is_pinned) in [
            (Variant::Genuine, true, Some(true)),
            (Variant::Infected, true, Some(true)),
            (Variant::OtherTeam, true, Some(false)),
        ] {
            let report = judge(&make(1, variant), software.item, pinned);
            assert_eq!(
                (report.verdict.is_accepted(), report.requirement_met),
                (is_accepted, is_pinned),
                "{variant:?}: {report:?}"
            );
        }
        let changed = judge(&make(1, Variant::OneByteChanged), software.item, pinned);
        assert!(!changed.verdict.is_accepted(), "{changed:?}");
    }
}

#[test]
fn a_recipe_changed_upstream_can_be_taken_back() {
    let folder = tempfile::tempdir().unwrap();
    let upstream = Upstream::create(folder.path(), &[("A/A.recipe", "one two")]).unwrap();
    let read = || fs_err::read_to_string(folder.path().join("A/A.recipe")).unwrap();
    upstream
        .change("A/A.recipe", "two", "three", "Count")
        .unwrap();
    assert_eq!(read(), "one three");
    upstream.revert().unwrap();
    assert_eq!(read(), "one two");
    assert!(upstream.change("A/A.recipe", "four", "five", "No").is_err());
}

#[test]
fn the_sample_override_sets_what_the_sample_recipes_ask_for() {
    let folder = |name: &str| format!("{}/../../{name}", env!("CARGO_MANIFEST_DIR"));
    let library = recipe::Library::new(&[folder("recipes")], &[folder("overrides")], None);
    let resolve = |name: &str| library.resolve(name).unwrap();
    let (sample, parent) = (
        resolve("SignedApp.munki"),
        resolve("com.example.auto-update.munki.SignedApp"),
    );
    let of = |plan: &recipe::Resolved| plan.input().keys().cloned().collect::<BTreeSet<_>>();
    assert_eq!(of(&sample), of(&parent));
    assert_eq!(sample.steps().len(), 6);
    let requirement = sample.input()["REQUIREMENT"].as_str().unwrap();
    assert!(!Requirement::parse(requirement).unwrap().is_always_met());
}
