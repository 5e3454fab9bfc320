//! What making catalogs learned costs time at most.

use std::{
    thread,
    time::{Duration, Instant, SystemTime},
};

use munki::{CatalogBuilder, CatalogOptions, Compat};
use proptest::prelude::*;

use super::scene::{Scene, assert_sound, item, tree};
use crate::{
    Backend, FolderRepository, Kind, Repository as _, Unobserved,
    catalogs::{Before, CatalogsMade, Coming, Listing, Prepared, Told},
    index::{Index, Learned},
    make_catalogs, repairs,
};

const NAME: &str = "catalog-index";

/// Makes the catalogs with what was learned, as if that had been long ago.
fn make(repository: &dyn Backend) -> CatalogsMade {
    make_with(repository, || {
        Index::read(repository, Compat::Munki7).aged()
    })
}

fn make_with(repository: &dyn Backend, index: impl Fn() -> Index + Sync) -> CatalogsMade {
    let held = repository.lock().unwrap();
    Prepared::make(
        repository,
        CatalogOptions::default(),
        Told::Everything,
        &Coming::default(),
        Before::Index(&index),
    )
    .unwrap()
    .apply(repository, &*held, &Unobserved)
    .unwrap()
}

/// That the catalogs are those that are made without anything that was learned.
#[track_caller]
fn assert_true(repository: &dyn Backend, when: &str) {
    let found = repairs(repository, CatalogOptions::default()).unwrap();
    assert_eq!(found.outdated, [""; 0], "{when}");
    assert_eq!(found.stale, [""; 0], "{when}");
}

#[test]
fn nothing_that_stayed_as_it_was_is_read_again() {
    let scene = Scene::new();
    let repository = &*scene.repository;
    make(repository);
    let before = (repository.own(NAME).unwrap(), repository.own_stamp(NAME));
    assert!(before.0.is_some());
    let index = Index::read(repository, Compat::Munki7).aged();
    let listing = Listing::read_stamped(repository, &Coming::default()).unwrap();
    let known = index.known(&listing);
    assert_eq!((known.pkginfos.len(), known.icons.len()), (2, 2));
    for (pkginfo, name) in known.pkginfos.iter().zip(["A", "C"]) {
        let range = pkginfo.as_ref().unwrap().range.clone();
        let text = String::from_utf8_lossy(index.all().get(range).unwrap());
        assert!(text.starts_with("\t<dict>\n") && text.ends_with("\t</dict>\n"));
        assert!(text.contains(&format!("<string>{name}</string>")));
    }
    assert!(known.icons.iter().all(Option::is_some));
    let made = make(repository);
    assert_eq!(made.changed, [""; 0]);
    let after = (repository.own(NAME).unwrap(), repository.own_stamp(NAME));
    assert_eq!(after, before, "nothing was learned");
}

#[test]
fn what_an_earlier_version_kept_goes() {
    let scene = Scene::new();
    let repository = &*scene.repository;
    repository.put_own("catalog-index.json", b"{}").unwrap();
    repository.remove_own(NAME).unwrap();
    make(repository);
    assert_eq!(repository.own("catalog-index.json").unwrap(), None);
    assert!(repository.own(NAME).unwrap().is_some());
}

#[test]
fn publications_leave_what_a_full_build_would() {
    let scene = Scene::new();
    scene.publish(&scene.change()).unwrap();
    assert_true(&*scene.repository, "the first");
    assert_sound(&*scene.repository, "the first");
    let with = tree(&*scene.repository);
    scene.repository.remove_own(NAME).unwrap();
    make_catalogs(&*scene.repository, CatalogOptions::default()).unwrap();
    assert_eq!(tree(&*scene.repository), with);
}

#[test]
fn a_change_that_does_not_show_in_times_yet_is_seen() {
    let scene = Scene::new();
    let repository = &*scene.repository;
    let path = repository
        .path_for(Kind::Pkgsinfo, "apps/A-1.plist")
        .unwrap();
    for round in 0..20 {
        let times = std::fs::metadata(&path).unwrap().modified().unwrap();
        let text = fs_err::read_to_string(&path).unwrap();
        let other = if round % 2 == 0 {
            ("A", "Z")
        } else {
            ("Z", "A")
        };
        let name = |name| format!("<string>{name}</string>");
        fs_err::write(&path, text.replace(&name(other.0), &name(other.1))).unwrap();
        set_modified(&path, times);
        make_with(repository, || Index::read(repository, Compat::Munki7));
        assert_true(repository, &format!("round {round}"));
    }
}

#[test]
fn what_was_changed_while_an_index_was_made_is_read_again() {
    let before = Instant::now();
    let scene = Scene::new();
    let repository = &*scene.repository;
    make(repository);
    let noted = String::from_utf8(repository.own(NAME).unwrap().unwrap()).unwrap();
    let (_, text) = noted.split_once('\n').unwrap();
    let (_, text) = text.split_once('\n').unwrap();
    let known = |began| {
        Learned::new(text.to_owned(), began).keep(repository);
        let index = Index::read(repository, Compat::Munki7);
        let listing = Listing::read_stamped(repository, &Coming::default()).unwrap();
        let known = index.known(&listing);
        known.pkginfos.iter().flatten().count() + known.icons.iter().flatten().count()
    };
    thread::sleep(Duration::from_millis(1100));
    assert_eq!(known(Instant::now()), 4, "all of it was left alone since");
    assert_eq!(known(before), 0, "it may have been changed meanwhile");
}

fn set_modified(path: &std::path::Path, time: SystemTime) {
    let file = std::fs::File::options().write(true).open(path).unwrap();
    file.set_modified(time).unwrap();
}

#[test]
fn an_index_of_other_catalogs_does_not_count() {
    let scene = Scene::new();
    let repository = &*scene.repository;
    make(repository);
    let all = repository.get(Kind::Catalogs, "all").unwrap();
    let other = String::from_utf8(all.clone())
        .unwrap()
        .replace("<string>A<", "<string>X<");
    repository
        .put(Kind::Catalogs, "all", other.as_bytes())
        .unwrap();
    make(repository);
    assert_eq!(repository.get(Kind::Catalogs, "all").unwrap(), all);
    assert_true(repository, "after");
}

#[test]
fn munki_6_has_no_part_in_it() {
    let scene = Scene::new();
    scene.repository.remove_own(NAME).unwrap();
    let options = CatalogOptions {
        compat: Compat::Munki6,
        ..CatalogOptions::default()
    };
    make_catalogs(&*scene.repository, options).unwrap();
    assert_eq!(scene.repository.own(NAME).unwrap(), None);
}

#[test]
fn so_many_that_threads_share_them_make_what_each_of_them_makes() {
    let folder = tempfile::tempdir().unwrap();
    let repository = FolderRepository::create(folder.path()).unwrap();
    for number in 0..300 {
        let odd = ["<integer>1</integer>", "<real>1</real>", "<broken>"];
        let odd = odd[usize::from(number % 10 == 0) + usize::from(number % 50 == 0)];
        let text = format!(
            "<plist version=\"1.0\"><dict><key>name</key><string>{number}</string><key>x</key>{odd}<key>catalogs</key>\
             <array><string>c{}</string></array><key>installer_type</key><string>nopkg</string></dict></plist>",
            number % 3
        );
        let location = format!("{}/{number}", number % 7);
        repository
            .put(Kind::Pkgsinfo, &location, text.as_bytes())
            .unwrap();
    }
    std::os::unix::fs::symlink("1", folder.path().join("pkgsinfo/1/link")).unwrap();
    let made = make_catalogs(&repository, CatalogOptions::default()).unwrap();
    let mut one_by_one = CatalogBuilder::new(CatalogOptions::default(), []);
    for location in repository.list(Kind::Pkgsinfo).unwrap() {
        let contents = repository.get(Kind::Pkgsinfo, &location).unwrap();
        one_by_one.add(&location, &contents);
    }
    let one_by_one = one_by_one.finish();
    assert_eq!(made.report.notes, one_by_one.report.notes);
    assert_eq!(made.report.notes.len(), 6);
    assert_eq!(one_by_one.names().count(), 4);
    for name in one_by_one.names() {
        let there = repository.get(Kind::Catalogs, name).unwrap();
        assert!(there == one_by_one.pieces(name).concat(), "{name}");
    }
    assert_true(&repository, "after");
}

#[derive(Clone, Debug)]
enum Change {
    Put(Kind, u8),
    Delete(Kind, u8),
    /// A pkginfo that is odd.
    Odd(u8, &'static str),
    /// Another byte in the index.
    Damage(usize, u8),
    Cut(usize),
}

fn changes() -> impl Strategy<Value = Vec<Change>> {
    let kind = || prop::sample::select(vec![Kind::Pkgsinfo, Kind::Pkgs, Kind::Icons]);
    let odd = prop::sample::select(vec![
        "<plist/>",
        "<plist><array/></plist>",
        "<plist><dict/></plist>",
        "<plist><dict><key>name</key><string>O</string></dict></plist>",
        "<plist><dict><key>name</key><string>O</string><key>catalogs</key><string>testing</string></dict></plist>",
        "<plist><dict><key>name</key><string>O</string><key>catalogs</key><array/><key>installer_type</key><string>nopkg</string></dict></plist>",
        "<plist><dict><key>name</key><string>O</string><key>catalogs</key><array><string>c</string><string>c</string></array><key>PackageURL</key><string>x</string></dict></plist>",
        "<plist><dict><key>name</key><string>O</string><key>catalogs</key><array><integer>1</integer></array><key>installer_type</key><string>nopkg</string></dict></plist>",
        "<plist><dict><key>name</key><string>\u{fc}&amp;</string><key>catalogs</key><array><string>c</string></array><key>installer_item_location</key><string>apps/a-1.PKG</string><key>notes</key><string>n</string><key>_x</key><true/></dict></plist>",
    ]);
    let change = prop_oneof![
        4 => (kind(), 0_u8..4).prop_map(|(kind, name)| Change::Put(kind, name)),
        2 => (kind(), 0_u8..4).prop_map(|(kind, name)| Change::Delete(kind, name)),
        2 => (0_u8..4, odd).prop_map(|(name, text)| Change::Odd(name, text)),
        1 => (any::<usize>(), any::<u8>()).prop_map(|(at, to)| Change::Damage(at, to)),
        1 => any::<usize>().prop_map(Change::Cut),
    ];
    prop::collection::vec(change, 1..12)
}

/// Does the change; `round` makes every contents another length.
fn change(repository: &dyn Backend, change: &Change, round: usize) {
    let name = |name: u8| char::from(b'A'.saturating_add(name)).to_string();
    let parts = |which: u8| item(&name(which), &"x".repeat(round));
    let of_kind = |kind, which| {
        let [package, icon, _, pkginfo] = parts(which);
        match kind {
            Kind::Pkgs => package,
            Kind::Icons => icon,
            _ => pkginfo,
        }
    };
    let damaged = |damage: &dyn Fn(&mut Vec<u8>)| {
        if let Some(mut bytes) = repository.own(NAME).unwrap() {
            damage(&mut bytes);
            repository.put_own(NAME, &bytes).unwrap();
        }
    };
    match change {
        Change::Put(kind, which) => {
            let (kind, location, contents) = of_kind(*kind, *which);
            repository.put(kind, &location, &contents).unwrap();
        }
        Change::Delete(kind, which) => {
            let (kind, location, _) = of_kind(*kind, *which);
            repository.remove(kind, &location).unwrap();
        }
        Change::Odd(which, text) => {
            let (kind, location, _) = of_kind(Kind::Pkgsinfo, *which);
            let contents = format!("{text}{}", "\n".repeat(round));
            repository
                .put(kind, &location, contents.as_bytes())
                .unwrap();
        }
        Change::Damage(at, to) => damaged(&|bytes| {
            let len = bytes.len();
            if let Some(byte) = bytes.get_mut(at % len.max(1)) {
                *byte = *to;
            }
        }),
        Change::Cut(at) => damaged(&|bytes| bytes.truncate(at % bytes.len().max(1))),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn whatever_happens_catalogs_are_those_of_a_full_build(changes in changes()) {
        let scene = Scene::new();
        for (round, what) in changes.iter().enumerate() {
            change(&*scene.repository, what, round);
            make(&*scene.repository);
            assert_true(&*scene.repository, &format!("{round}: {what:?}"));
        }
    }
}
