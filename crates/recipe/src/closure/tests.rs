//! What a processor reaches.

use super::resources::named_by;

#[test]
fn a_processor_names_files_of_its_folder() {
    let folder = tempfile::tempdir().unwrap();
    let place = |name: &str| folder.path().join(name);
    fs_err::create_dir(place("Scripts")).unwrap();
    for name in [
        "Own.py",
        "Scripts/post",
        "a.tmpl",
        "b.tmpl",
        "other.py",
        "unnamed",
    ] {
        fs_err::write(place(name), "").unwrap();
    }
    let text = "import other\nopen(os.path.join(here, 'Scripts/post'))\nopen(f\"{here}/a.tmpl\")\n\
                open(here + '/b.tmpl')\nopen('../Own.py')\nopen('other.py'); open('Scripts'); open('link'); open('')\n";
    fs_err::write(place("Own.py"), text).unwrap();
    fs_err::os::unix::fs::symlink("unnamed", place("link")).unwrap();
    let named = named_by(&place("Own.py"));
    let expected = ["Scripts/post", "a.tmpl", "b.tmpl"].map(place);
    assert_eq!(named, expected.into());
    assert!(named_by(&place("gone.py")).is_empty());
}
