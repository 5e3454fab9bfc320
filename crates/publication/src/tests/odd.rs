//! What makecatalogs says of odd and damaged pkginfos, as Munki 6.7 was seen to say it.

use munki::{CatalogOptions, Compat};

use crate::{FolderRepository, make_catalogs};

fn pkginfo(body: &str) -> String {
    format!(
        "<?xml version=\"1.0\"?>\n<plist version=\"1.0\">\n<dict><key>name</key><string>A</string>\
         <key>installer_type</key><string>nopkg</string>{body}</dict>\n</plist>\n"
    )
}

/// Makes the catalogs of one pkginfo; answers their names, and what was said.
fn catalogs(contents: &[u8], compat: Compat) -> (Vec<String>, Vec<String>) {
    let folder = tempfile::tempdir().unwrap();
    let repository = FolderRepository::create(folder.path()).unwrap();
    fs_err::write(folder.path().join("pkgsinfo/A"), contents).unwrap();
    let options = CatalogOptions {
        compat,
        ..CatalogOptions::default()
    };
    let made = make_catalogs(&repository, options).unwrap();
    (made.changed, made.report.lines(compat))
}

const EMPTY: &str = "WARNING: pkgsinfo/A has an empty catalogs array!";
const NONE: &str = "WARNING: pkgsinfo/A has no catalogs array!";

#[test]
fn what_stands_for_catalogs_is_iterated_over_as_python_does() {
    for (body, expected, said) in [
        ("<string>ab</string>", &["all", "a", "b"][..], None),
        ("<dict><key>x</key><true/></dict>", &["all", "x"], None),
        (
            "<array><integer>0</integer><string>t</string></array>",
            &["all", "t"],
            Some(EMPTY),
        ),
        (
            "<array><array/><string>t</string><string>t</string></array>",
            &["all", "t"],
            Some(EMPTY),
        ),
        // Munki 6 itself fails at these.
        ("<integer>5</integer>", &["all"], Some(NONE)),
        (
            "<array><integer>5</integer><string>t</string></array>",
            &["all", "t"],
            Some(NONE),
        ),
    ] {
        let body = format!("<key>catalogs</key>{body}");
        let (names, lines) = catalogs(pkginfo(&body).as_bytes(), Compat::Munki6);
        assert_eq!(names, expected, "{body}");
        assert_eq!(lines, Vec::from_iter(said), "{body}");
    }
}

#[test]
fn damaged_pkginfos_are_in_no_catalog_of_either_munki() {
    let sound = pkginfo("<key>catalogs</key><array><string>t</string></array>");
    let whole = catalogs(sound.as_bytes(), Compat::Munki6);
    assert_eq!(whole.0, ["all", "t"]);
    for (damaged, said) in [
        (
            sound.replace("</plist>\n", ""),
            "no element found: line 4, column 0",
        ),
        (
            sound.replace("</array>", ""),
            "mismatched tag: line 3, column 132",
        ),
        (
            sound.clone() + "x",
            "junk after document element: line 5, column 0",
        ),
        (
            sound.replace('A', "&"),
            "not well-formed (invalid token): line 3, column 30",
        ),
    ] {
        let expected = [format!("Unexpected error for pkgsinfo/A: {said}")];
        let (names, lines) = catalogs(damaged.as_bytes(), Compat::Munki6);
        assert_eq!(
            (names.as_slice(), lines.as_slice()),
            (&["all".to_owned()][..], &expected[..])
        );
        let (names, lines) = catalogs(damaged.as_bytes(), Compat::Munki7);
        assert_eq!(names, ["all"]);
        assert!(
            lines[0].starts_with("Unexpected error reading pkgsinfo/A: "),
            "{lines:?}"
        );
    }
}

#[test]
fn a_link_to_nowhere_is_told_in_pythons_words() {
    let folder = tempfile::tempdir().unwrap();
    let repository = FolderRepository::create(folder.path()).unwrap();
    for link in ["pkgsinfo/x.plist", "icons/i.png"] {
        std::os::unix::fs::symlink("nowhere", folder.path().join(link)).unwrap();
    }
    let options = CatalogOptions {
        compat: Compat::Munki6,
        ..CatalogOptions::default()
    };
    let made = make_catalogs(&repository, options).unwrap();
    let error = |link: &str| {
        let path = repository.root().join(link);
        format!("[Errno 2] No such file or directory: '{}'", path.display())
    };
    assert_eq!(
        made.report.lines(Compat::Munki6),
        [
            format!("RepoError for i.png: {}", error("icons/i.png")),
            format!(
                "Unexpected error for pkgsinfo/x.plist: {}",
                error("pkgsinfo/x.plist")
            ),
        ]
    );
}
