use std::time::Duration;

use model::{Sha256, Timestamp};
use proptest::prelude::*;

use super::*;
use crate::{FolderRepository, Kind, Repository as _, Shelf};

/// An item: name, version, catalogs, and further keys.
type Given<'a> = (&'a str, &'a str, &'a [&'a str], &'a str);

/// A repository with these items.
fn shelf(items: &[Given<'_>]) -> Shelf {
    let folder = tempfile::tempdir().unwrap();
    let repository = FolderRepository::create(folder.path()).unwrap();
    for (name, version, catalogs, more) in items {
        let catalogs: Vec<String> = catalogs
            .iter()
            .map(|catalog| format!("<string>{catalog}</string>"))
            .collect();
        let catalogs = catalogs.concat();
        let pkginfo = format!(
            "<plist><dict><key>name</key><string>{name}</string><key>version</key><string>{version}</string>\
             <key>catalogs</key><array>{catalogs}</array>{more}</dict></plist>"
        );
        let location = format!("{name}-{version}-{}.plist", more.len());
        repository
            .put(Kind::Pkgsinfo, &location, pkginfo.as_bytes())
            .unwrap();
    }
    Shelf::read(&repository).unwrap()
}

fn rings() -> Rings {
    let ring = |catalog: &str, after_hours| Ring {
        catalog: catalog.to_owned(),
        after_hours,
    };
    Rings {
        ring: vec![
            ring("testing", None),
            ring("pilot", Some(24)),
            ring("production", Some(48)),
        ],
        ..Rings::default()
    }
}

fn rule(kind: RuleKind, name: &str, version: Option<&str>, ring: Option<&str>) -> Rule {
    Rule {
        kind,
        name: name.to_owned(),
        version: version.map(str::to_owned),
        ring: ring.map(str::to_owned),
    }
}

const NOW: Timestamp = Timestamp::from_secs(1_000_000);

/// What is due if everything is in its rings for so many hours.
fn due_after(hours: u64, shelf: &Shelf, rules: &[Rule]) -> Vec<String> {
    let since = NOW.minus(Duration::from_hours(hours));
    let moves = due(shelf, &rings(), rules, &|_, _| Some(since), NOW);
    moves.iter().map(ToString::to_string).collect()
}

#[test]
fn an_item_comes_into_the_next_ring_when_it_is_old_enough_and_stays_in_those_before() {
    let shelf = shelf(&[("Widget", "1.0", &["testing"], "")]);
    assert_eq!(due_after(23, &shelf, &[]), [""; 0]);
    assert_eq!(
        due_after(24, &shelf, &[]),
        ["Widget 1.0: testing -> testing, pilot (age)"]
    );
    // However old it is: a ring at a time.
    assert_eq!(
        due_after(1000, &shelf, &[]),
        ["Widget 1.0: testing -> testing, pilot (age)"]
    );
    let unknown = due(&shelf, &rings(), &[], &|_, _| None, NOW);
    assert_eq!(unknown, [], "an age that is not known moves nothing");
}

#[test]
fn what_would_not_be_the_newest_of_its_kin_stays() {
    let older = ("Widget", "1.0", &["testing"][..], "");
    let newer = ("Widget", "1.10", &["testing", "pilot"][..], "");
    let other_macs = (
        "Widget",
        "1.10",
        &["testing", "pilot"][..],
        "<key>minimum_os_version</key><string>15.0</string>",
    );
    assert_eq!(
        due_after(24, &shelf(&[older, newer]), &[]),
        [""; 0],
        "1.10 is in the ring already"
    );
    assert_eq!(
        due_after(24, &shelf(&[older, other_macs]), &[]),
        ["Widget 1.0: testing -> testing, pilot (age)"],
        "1.10 is for other Macs"
    );
    let both = shelf(&[older, ("Widget", "1.10", &["testing"], "")]);
    assert_eq!(
        due_after(24, &both, &[]),
        ["Widget 1.10: testing -> testing, pilot (age)"],
        "the newer of two that are due"
    );
}

#[test]
fn catalogs_that_are_no_rings_are_left_alone() {
    let shelf = shelf(&[
        ("Widget", "1.0", &["lab"], ""),
        ("Gadget", "1.0", &["lab", "testing"], ""),
        ("Thing", "1.0", &[], ""),
    ]);
    assert_eq!(
        due_after(24, &shelf, &[]),
        ["Gadget 1.0: lab, testing -> lab, testing, pilot (age)"]
    );
}

#[test]
fn titles_can_have_their_own_times() {
    let shelf = shelf(&[
        ("Widget", "1.0", &["testing"], ""),
        ("Gadget", "1.0", &["testing"], ""),
    ]);
    let mut rings = rings();
    rings.title = vec![
        Exception {
            name: "Widget".to_owned(),
            by_hand: true,
            minimum_age_hours: Some(5),
            ..Exception::default()
        },
        Exception {
            name: "Gadget".to_owned(),
            after_hours: [("pilot".to_owned(), 1)].into(),
            ..Exception::default()
        },
    ];
    let an_hour_ago = NOW.minus(Duration::from_hours(1));
    let moves = due(&shelf, &rings, &[], &|_, _| Some(an_hour_ago), NOW);
    let moves: Vec<_> = moves.iter().map(|moved| moved.name.as_str()).collect();
    assert_eq!(moves, ["Gadget"]);
    assert_eq!(rings.minimum_age("Widget"), Duration::from_hours(5));
    assert_eq!(rings.minimum_age("Gadget"), Duration::ZERO);
}

#[test]
fn an_urgent_fix_is_everywhere_at_once_unless_a_rule_keeps_it_out() {
    let shelf = shelf(&[
        ("Widget", "1.1", &["testing"], ""),
        ("Widget", "1.0", &["testing", "pilot", "production"], ""),
    ]);
    let urgent = rule(RuleKind::Urgent, "Widget", Some("1.1"), None);
    assert_eq!(
        due_after(0, &shelf, std::slice::from_ref(&urgent)),
        ["Widget 1.1: testing -> testing, pilot, production (urgent)"]
    );
    let held = rule(RuleKind::Hold, "Widget", Some("1.1"), Some("production"));
    assert_eq!(
        due_after(0, &shelf, &[urgent, held]),
        ["Widget 1.1: testing -> testing, pilot (urgent)"]
    );
}

#[test]
fn a_hold_keeps_versions_where_they_are() {
    let shelf = shelf(&[("Widget", "1.1", &["testing"], "")]);
    for (held, expected) in [
        (rule(RuleKind::Hold, "Widget", None, None), 0),
        (rule(RuleKind::Hold, "Widget", Some("1.1.0"), None), 0),
        (rule(RuleKind::Hold, "Widget", Some("1.2"), None), 1),
        (rule(RuleKind::Hold, "Widget", None, Some("production")), 1),
        (rule(RuleKind::Hold, "Gadget", None, None), 1),
    ] {
        let found = due_after(24, &shelf, std::slice::from_ref(&held));
        assert_eq!(found.len(), expected, "{held:?}");
    }
}

#[test]
fn a_pin_brings_its_version_in_and_newer_ones_out() {
    let shelf = shelf(&[
        ("Widget", "3.0", &["testing"], ""),
        ("Widget", "2.0", &["testing", "pilot", "production"], ""),
        ("Widget", "1.0", &["testing"], ""),
    ]);
    let pin = rule(RuleKind::Pin, "Widget", Some("1.0"), Some("production"));
    let expected = [
        "Widget 2.0: testing, pilot, production -> testing, pilot (pinned)",
        "Widget 1.0: testing -> testing, production (pinned)",
    ];
    let told = |moves: Vec<Move>| -> Vec<String> { moves.iter().map(Move::to_string).collect() };
    let moves = pinned(&shelf, &rings(), &[], &pin).unwrap();
    assert_eq!(told(moves), expected);
    assert_eq!(due_after(0, &shelf, std::slice::from_ref(&pin)), expected);

    let everywhere = rule(RuleKind::Pin, "Widget", Some("2.0"), None);
    let moves = pinned(&shelf, &rings(), &[], &everywhere).unwrap();
    assert_eq!(
        told(moves),
        ["Widget 3.0: testing -> withdrawn (pinned)"],
        "what is in no ring any more is not lost"
    );
    let recall = rule(RuleKind::Recall, "Widget", Some("2.0"), None);
    let error = pinned(&shelf, &rings(), &[recall], &everywhere).unwrap_err();
    assert!(matches!(error, HandError::KeptOut { .. }), "{error}");
}

#[test]
fn a_person_brings_items_on() {
    let shelf = shelf(&[
        ("Widget", "2.0", &["testing"], ""),
        ("Widget", "1.0", &["withdrawn"], ""),
    ]);
    let by_hand = |version, to| {
        promoted(&shelf, &rings(), &[], ("Widget", version), to)
            .map(|moves| moves.iter().map(Move::to_string).collect::<Vec<_>>())
    };
    assert_eq!(
        by_hand(None, None).unwrap(),
        ["Widget 2.0: testing -> testing, pilot (by-hand)"]
    );
    assert_eq!(
        by_hand(None, Some("production")).unwrap(),
        ["Widget 2.0: testing -> testing, pilot, production (by-hand)"]
    );
    assert_eq!(
        by_hand(Some("1.0"), None).unwrap(),
        ["Widget 1.0: withdrawn -> testing (by-hand)"]
    );
    for (version, to, expected) in [
        (Some("9.9"), None, "has no item `Widget` of version 9.9"),
        (
            None,
            Some("nowhere"),
            "the rings are: testing, pilot, production",
        ),
        (None, Some("testing"), "is in every ring already"),
    ] {
        let error = by_hand(version, to).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
    let held = [rule(RuleKind::Hold, "Widget", None, None)];
    let error = promoted(&shelf, &rings(), &held, ("Widget", None), None).unwrap_err();
    assert!(error.to_string().contains("by a rule (hold)"), "{error}");
}

#[test]
fn a_roll_back_leaves_an_older_version_and_holds_what_it_took() {
    let shelf = shelf(&[
        ("Widget", "3.0", &["testing"], ""),
        ("Widget", "2.0", &["testing", "pilot"], ""),
        ("Widget", "1.0", &["testing", "pilot", "production"], ""),
    ]);
    let back = |to, ring| rolled_back(&shelf, &rings(), ("Widget", to), ring);
    let (moves, held) = back(None, Some("pilot")).unwrap();
    assert_eq!(moves.len(), 1);
    assert_eq!(
        moves[0].to_string(),
        "Widget 2.0: testing, pilot -> testing (rolled-back)"
    );
    assert_eq!(
        held,
        [rule(RuleKind::Hold, "Widget", Some("2.0"), Some("pilot"))]
    );

    let (moves, held) = back(Some("1.0"), None).unwrap();
    let told: Vec<_> = moves.iter().map(Move::to_string).collect();
    assert_eq!(
        told,
        [
            "Widget 3.0: testing -> withdrawn (rolled-back)",
            "Widget 2.0: testing, pilot -> withdrawn (rolled-back)",
        ]
    );
    assert_eq!(held.len(), 3, "{held:?}");

    let error = back(None, Some("production")).unwrap_err();
    assert!(matches!(error, HandError::NothingOlder { .. }), "{error}");
    let error = back(Some("3.0"), None).unwrap_err();
    assert!(matches!(error, HandError::NothingToTake { .. }), "{error}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    /// Whatever is in the rings: nothing moves inwards by itself, nothing older goes over something newer, and what is
    /// kept out stays out.
    #[test]
    fn what_moves_by_itself_is_the_newest_and_allowed(
        places in prop::collection::vec((0_usize..4, 0_usize..3), 1..6),
        held in prop::option::of(0_usize..5),
    ) {
        let versions: Vec<String> = (1..=places.len()).map(|major| format!("{major}.0")).collect();
        let names = ["testing", "pilot", "production"];
        let given: Vec<Given<'_>> = places
            .iter()
            .zip(&versions)
            .map(|((reach, _), version)| ("Widget", version.as_str(), &names[..*reach], ""))
            .collect();
        let shelf = shelf(&given);
        let version = held.and_then(|index| versions.get(index));
        let rules: Vec<Rule> = version
            .map(|version| rule(RuleKind::Hold, "Widget", Some(version), None))
            .into_iter()
            .collect();
        let since = NOW.minus(Duration::from_hours(1000));
        let moves = due(&shelf, &rings(), &rules, &|_, _| Some(since), NOW);
        for moved in &moves {
            prop_assert!(moved.to.len() == moved.from.len() + 1, "{moved}");
            prop_assert!(Some(&moved.version) != version, "{moved}");
            let ring = moved.to.last().unwrap();
            let item = shelf.of_version("Widget", &moved.version).next().unwrap();
            let newest_there = shelf.items.iter().find(|other| other.is_in(ring));
            prop_assert!(newest_there.is_none_or(|other| other.compare(item).is_lt()), "{moved}");
            let digest = shelf.items.iter().find(|item| item.pkginfo == moved.pkginfo).unwrap().sha256;
            prop_assert_eq!(moved.was, digest);
            prop_assert_ne!(moved.was, Sha256::of(b""));
        }
    }
}
