//! What a processor reaches.

use model::Sha256;

use super::{Change, Closure, ClosureError, Member, Role, modules_of, resources::named_by};

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

#[test]
fn a_processor_loads_what_is_beside_it_and_packages_that_it_imports() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs_err::create_dir_all(path.parent().unwrap()).unwrap();
        fs_err::write(&path, text).unwrap();
        path
    };
    let processor = write(
        "Own.py",
        "import os.path, helper as h\nfrom OwnLib.base import (\n    Base,\n)\nfrom linked import x\n# from apart import y\n",
    );
    let expected = [
        write(
            "helper.py",
            "    from deep.inner.most import Most\nimport Own\n",
        ),
        write("beside.py", "import unused\n"),
        write("OwnLib/base.py", "from more import z\n"),
        write("OwnLib/__init__.py", ""),
        write("deep/inner/most.py", ""),
        write("more/__init__.py", ""),
    ];
    write("OwnLib/data.json", "{}");
    write("unused/__init__.py", "");
    write("apart/__init__.py", "");
    fs_err::os::unix::fs::symlink("apart", folder.path().join("linked")).unwrap();
    fs_err::os::unix::fs::symlink("../Own.py", folder.path().join("OwnLib/link.py")).unwrap();
    assert_eq!(modules_of(&processor).unwrap(), expected.into());

    for number in 0..=4096 {
        write(&format!("more/{number}.py"), "");
    }
    let Err(ClosureError::TooMany { path, .. }) = modules_of(&processor) else {
        panic!("so many files cannot be looked over");
    };
    assert_eq!(path, folder.path().join("more"));
}

#[test]
fn what_is_approved_besides_a_recipes_own_holds_without_it() {
    let member = |name: &str, is_around: bool, sha256: u8| Member {
        role: Role::Processor,
        name: name.to_owned(),
        path: name.into(),
        sha256: Some(Sha256::of(&[sha256])),
        commit: None,
        is_around,
    };
    let closure = |members: &[Member]| Closure {
        members: members.to_vec(),
    };
    let own = member("own", false, 1);
    let after = member("after", true, 1);
    let both = closure(&[after.clone(), own.clone()]);
    let alone = closure(std::slice::from_ref(&own));
    assert_eq!(both.changes(&alone), []);
    assert_eq!(both.changes(&both), []);
    assert_eq!(alone.changes(&both), [Change::Added(after.clone())]);
    let without = closure(std::slice::from_ref(&after));
    assert_eq!(both.changes(&without), [Change::Removed(own.clone())]);
    let changed = closure(&[member("after", true, 2), own]);
    assert_eq!(both.changes(&changed).len(), 1);
    let written = serde_json::to_value(&both).unwrap();
    assert_eq!(serde_json::from_value::<Closure>(written).unwrap(), both);
}
