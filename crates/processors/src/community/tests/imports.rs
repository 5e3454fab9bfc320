//! What public processors import, against what is there for them.

use std::collections::BTreeSet;

use serde_json::{Value as Json, json};

use super::Shelf;

/// Lists the names that are imported from `autopkglib` and not there. Two libraries are tried: that of the host.
const LOOK: &str = "import ast, glob, importlib, json\n\
    looked, missing = 0, {}\n\
    for path in sorted(glob.glob(self.env['folder'] + '/**/*.py', recursive=True)):\n    \
    try:\n        tree = ast.parse(open(path, encoding='utf-8', errors='replace').read())\n    \
    except SyntaxError:\n        continue\n    \
    names = [(node.module, alias.name) for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)\n             \
    for alias in node.names if (node.module or '').split('.')[0] == 'autopkglib']\n    \
    if not names:\n        continue\n    \
    looked += 1\n    \
    for module, name in names:\n        \
    try:\n            there = name == '*' or hasattr(importlib.import_module(module), name)\n        \
    except ImportError:\n            there = False\n        \
    if not there:\n            missing.setdefault(f'{module}.{name}', []).append(path)\n\
    self.env['made'] = {'looked': looked, 'missing': missing}";

async fn look(folder: &str) -> Json {
    let mut shelf = Shelf::new().await;
    let workspace = shelf.bench.context.workspace.join("public");
    copy_python(folder.as_ref(), &workspace);
    let arguments = json!({"folder": workspace.display().to_string()});
    shelf.run(LOOK, arguments).await.unwrap();
    Json::from(&shelf.bench.env["made"])
}

fn copy_python(from: &std::path::Path, to: &std::path::Path) {
    fs_err::create_dir_all(to).unwrap();
    for entry in fs_err::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() && !path.is_symlink() {
            copy_python(&path, &target);
        } else if path.extension().is_some_and(|extension| extension == "py") {
            fs_err::copy(&path, &target).unwrap();
        }
    }
}

#[tokio::test]
async fn every_name_that_they_import_is_there() {
    let own = tempfile::tempdir().unwrap();
    let text = "from autopkglib import Copier, Nothing\nfrom autopkglib.URLGetter import URLGetter\n\
                from autopkglib.Nowhere import Own\n";
    fs_err::write(own.path().join("Own.py"), text).unwrap();
    let found = look(own.path().to_str().unwrap()).await;
    let missing: Vec<&String> = found["missing"].as_object().unwrap().keys().collect();
    assert_eq!(missing, ["autopkglib.Nothing", "autopkglib.Nowhere.Own"]);

    let Ok(public) = std::env::var("AUTO_UPDATE_RECIPES") else {
        println!("skipped: AUTO_UPDATE_RECIPES names no folder of recipe repositories");
        return;
    };
    let found = look(&public).await;
    let missing = found["missing"].as_object().unwrap();
    let files: BTreeSet<&str> = missing
        .values()
        .filter_map(Json::as_array)
        .flatten()
        .filter_map(Json::as_str)
        .collect();
    println!(
        "{} of {} files import a name that is not there: {missing:?}",
        files.len(),
        found["looked"]
    );
    let looked = usize::try_from(found["looked"].as_u64().unwrap()).unwrap();
    assert!(files.len() * 100 <= looked);
}
