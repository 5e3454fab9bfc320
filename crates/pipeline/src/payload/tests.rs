//! Packages and images with what counts in them, and two versions of each held against each other.

use std::{
    collections::BTreeSet,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use media::{
    HostTree,
    write::{Compression, Package, dmg_of, flat_pkg},
};
use model::Sha256;
use proptest::prelude::*;
use testkit::signing::{program, self_signed_certificate, sign_with_entitlements};

use super::{Change, ChangeKind, Inventory};

/// What is put into a medium.
struct Workshop {
    folder: tempfile::TempDir,
}

impl Workshop {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        for name in ["root", "scripts"] {
            fs_err::create_dir(folder.path().join(name)).unwrap();
        }
        Self { folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn put(&self, path: &str, contents: &[u8], mode: u32) {
        let path = self.path(path);
        fs_err::create_dir_all(path.parent().unwrap()).unwrap();
        fs_err::write(&path, contents).unwrap();
        fs_err::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
    }

    /// A program whose signature claims that it may do something.
    fn put_program(&self, path: &str, may: &str) {
        self.put(path, &program(&[0x90; 5000]), 0o755);
        let signer = self_signed_certificate("ABCDE12345", "Somebody").unwrap();
        let may = format!(
            "<?xml version=\"1.0\"?><plist version=\"1.0\"><dict><key>{may}</key><true/></dict></plist>"
        );
        sign_with_entitlements(&self.path(path), &signer, "org.example.tool", &may).unwrap();
    }

    fn package(&self, name: &str) -> PathBuf {
        let package = Package {
            identifier: "org.example.widget",
            version: "1.0",
            install_location: "/",
            postinstall_action: "none",
            scripts: Some(&self.path("scripts")),
            owners: &[],
        };
        let out = self.path(name);
        flat_pkg(&self.path("root"), &package, &out).unwrap();
        out
    }

    fn image(&self, folder: &str, name: &str) -> PathBuf {
        let tree = HostTree::new(&self.path(folder)).unwrap();
        let out = self.path(name);
        dmg_of(&tree, "Widget", Compression::default(), &out).unwrap();
        out
    }
}

fn inventory(path: &Path) -> Inventory {
    Inventory::of(path).unwrap()
}

fn only(paths: &[&str]) -> BTreeSet<String> {
    paths.iter().map(|path| (*path).to_owned()).collect()
}

fn kinds(changes: &[Change]) -> Vec<ChangeKind> {
    changes.iter().map(|change| change.kind).collect()
}

#[test]
fn a_package_in_an_image_is_looked_into() {
    let shop = Workshop::new();
    shop.put("scripts/postinstall", b"#!/bin/sh\nexit 0\n", 0o755);
    shop.put(
        "root/Library/LaunchDaemons/org.example.plist",
        b"<plist/>",
        0o644,
    );
    shop.put(
        "root/Library/PrivilegedHelperTools/org.example.helper",
        b"x",
        0o544,
    );
    shop.put(
        "root/Library/Extensions/Widget.kext/Contents/Info.plist",
        b"<plist/>",
        0o644,
    );
    shop.put("root/usr/local/bin/widget", b"x", 0o4755);
    shop.put_program("root/usr/local/bin/tool", "com.apple.security.cs.allow-jit");
    shop.package("Widget-1.0.pkg");
    fs_err::create_dir(shop.path("disk")).unwrap();
    fs_err::rename(
        shop.path("Widget-1.0.pkg"),
        shop.path("disk/Widget-1.0.pkg"),
    )
    .unwrap();
    let found = inventory(&shop.image("disk", "Widget.dmg"));
    let inside = |path: &str| format!("Widget-1.0.pkg/{path}");
    let launch = inside("Payload/Library/LaunchDaemons/org.example.plist");
    assert_eq!(found.launch_jobs, only(&[&launch]));
    let helper = inside("Payload/Library/PrivilegedHelperTools/org.example.helper");
    assert_eq!(found.helpers, only(&[&helper]));
    let extension = inside("Payload/Library/Extensions/Widget.kext");
    assert_eq!(found.extensions, only(&[&extension]));
    assert_eq!(
        found.set_id,
        only(&[&inside("Payload/usr/local/bin/widget")])
    );
    let script = Sha256::of(b"#!/bin/sh\nexit 0\n");
    assert_eq!(
        found.scripts.get(&inside("Scripts/postinstall")),
        Some(&script)
    );
    let tool = found.entitlements.get("org.example.tool").unwrap();
    assert_eq!(tool, &only(&["com.apple.security.cs.allow-jit"]));
    assert_eq!(found.unreadable, BTreeSet::new());
    assert!(found.files >= 8, "{found:?}");
}

#[test]
fn what_is_new_is_told_and_a_new_version_number_is_not() {
    let shop = Workshop::new();
    shop.put("scripts/postinstall", b"#!/bin/sh\n", 0o755);
    shop.put(
        "root/Widget/1.0/LaunchAgents/org.example.plist",
        b"<plist/>",
        0o644,
    );
    shop.put_program("root/Widget/1.0/tool", "com.apple.security.network.client");
    let before = inventory(&shop.package("before.pkg"));
    fs_err::rename(
        shop.path("root/Widget/1.0"),
        shop.path("root/Widget/1.10.2"),
    )
    .unwrap();
    let renamed = inventory(&shop.package("renamed.pkg"));
    assert_ne!(before, renamed);
    assert_eq!(renamed.changes_since(&before), []);

    shop.put("scripts/postinstall", b"#!/bin/sh\ncurl\n", 0o755);
    shop.put("scripts/preinstall", b"#!/bin/sh\n", 0o755);
    shop.put(
        "root/Library/LaunchDaemons/org.other.plist",
        b"<plist/>",
        0o644,
    );
    shop.put("root/Widget/1.10.2/now-root", b"x", 0o4755);
    shop.put_program("root/Widget/1.10.2/tool", "com.apple.private.tcc.allow");
    shop.put("root/Widget/much", &vec![7; 30_000_000], 0o644);
    let now = inventory(&shop.package("now.pkg"));
    let changes = now.changes_since(&renamed);
    let expected = [
        ChangeKind::LaunchJob,
        ChangeKind::SetId,
        ChangeKind::Script,
        ChangeKind::Script,
        ChangeKind::Entitlement,
        ChangeKind::Size,
    ];
    assert_eq!(kinds(&changes), expected);
    let told: Vec<_> = changes.iter().map(ToString::to_string).collect();
    for said in [
        "new job for launchd: Payload/Library/LaunchDaemons/org.other.plist",
        "installer script: Scripts/postinstall, which has other contents",
        "installer script: Scripts/preinstall, which is new",
        "new entitlement: com.apple.private.tcc.allow for org.example.tool",
    ] {
        assert!(told.iter().any(|told| told == said), "{said}: {told:?}");
    }
    // What is gone is not told, but for much of the size.
    assert_eq!(
        kinds(&renamed.changes_since(&now))[..],
        [
            ChangeKind::Script,
            ChangeKind::Entitlement,
            ChangeKind::Size
        ]
    );
}

#[test]
fn what_cannot_be_read_is_listed_and_hides_nothing() {
    let shop = Workshop::new();
    shop.put("root/Good.app/Contents/Info.plist", b"<plist/>", 0o644);
    let before = inventory(&shop.image("root", "before.dmg"));
    let mut broken = program(&[0x90; 5000]);
    broken.truncate(40);
    shop.put("root/Good.app/Contents/MacOS/Good", &broken, 0o755);
    shop.put("root/Widget.pkg", b"no package", 0o644);
    let now = inventory(&shop.image("root", "now.dmg"));
    let unreadable = only(&["Good.app/Contents/MacOS/Good", "Widget.pkg"]);
    assert_eq!(now.unreadable, unreadable);
    let changes = now.changes_since(&before);
    assert_eq!(kinds(&changes), [ChangeKind::Unreadable; 2]);
    assert!(Inventory::of(&shop.path("root/Widget.pkg")).is_err());
}

#[test]
fn words_and_kinds_belong_together() {
    for kind in ChangeKind::ALL {
        assert_eq!(kind.as_str().parse(), Ok(kind));
        assert_eq!(serde_json::to_value(kind).unwrap(), kind.as_str());
    }
    let error = "launchjob".parse::<ChangeKind>().unwrap_err();
    assert!(error.to_string().contains("launchjob"));
}

fn inventories() -> impl Strategy<Value = Inventory> {
    let paths = || prop::collection::btree_set("[a-c]/[0-9.]{0,3}", 0..4);
    let scripts = prop::collection::btree_map("[a-c][0-9]", any::<u8>(), 0..4);
    let entitlements = prop::collection::btree_map("[a-c]", paths(), 0..3);
    let all = (
        paths(),
        paths(),
        paths(),
        paths(),
        scripts,
        entitlements,
        any::<u64>(),
    );
    all.prop_map(
        |(launch_jobs, helpers, set_id, unreadable, scripts, entitlements, bytes)| Inventory {
            launch_jobs,
            helpers,
            set_id,
            unreadable,
            scripts: scripts
                .into_iter()
                .map(|(path, byte)| (path, Sha256::of(&[byte])))
                .collect(),
            entitlements,
            bytes,
            ..Inventory::default()
        },
    )
}

proptest! {
    #[test]
    fn nothing_is_new_in_what_is_the_same(inventory in inventories()) {
        prop_assert_eq!(inventory.changes_since(&inventory), []);
    }

    #[test]
    fn everything_is_new_where_nothing_was(inventory in inventories()) {
        let changes = inventory.changes_since(&Inventory::default());
        let count = |kind| changes.iter().filter(|change| change.kind == kind).count();
        prop_assert_eq!(count(ChangeKind::LaunchJob), inventory.launch_jobs.len());
        prop_assert_eq!(count(ChangeKind::Script), inventory.scripts.len());
        let entitlements: usize = inventory.entitlements.values().map(BTreeSet::len).sum();
        prop_assert_eq!(count(ChangeKind::Entitlement), entitlements);
    }

    #[test]
    fn it_survives_being_kept(inventory in inventories()) {
        let kept = serde_json::to_string(&inventory).unwrap();
        prop_assert_eq!(serde_json::from_str::<Inventory>(&kept).unwrap(), inventory);
    }
}
