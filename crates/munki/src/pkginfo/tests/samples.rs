//! Items made by hand.

use std::{path::PathBuf, sync::Arc};

use media::Tree;
use model::Timestamp;
use proplist::{Dict, KeyOrder, Value, to_xml};
use tempfile::TempDir;

use crate::{Contents, InstallerItem, Made, Metadata, PkginfoError, PkginfoOptions, make_pkginfo};

pub(crate) fn metadata() -> Metadata {
    Metadata {
        created_by: "somebody".to_owned(),
        created_at: Timestamp::from_secs(1_800_000_000),
        munki_version: "7".to_owned(),
        os_version: "1".to_owned(),
    }
}

/// The `Info.plist` of an application.
pub(crate) fn info_plist(keys: &[(&str, &str)]) -> Vec<u8> {
    let info: Dict = keys
        .iter()
        .map(|(key, value)| ((*key).to_owned(), Value::from(*value)))
        .collect();
    to_xml(&info.into(), KeyOrder::AsIs).unwrap().into_bytes()
}

/// A folder that stands for what an image holds, and the item.
pub(crate) fn image(files: &[(&str, &[u8])]) -> (TempDir, InstallerItem) {
    let folder = tempfile::tempdir().unwrap();
    for (path, contents) in files {
        let path = folder.path().join(path);
        fs_err::create_dir_all(path.parent().unwrap()).unwrap();
        fs_err::write(path, contents).unwrap();
    }
    let tree: Arc<dyn Tree> = Arc::new(media::HostTree::new(folder.path()).unwrap());
    let item = InstallerItem {
        path: PathBuf::from("Sample.dmg"),
        location: "Sample.dmg".to_owned(),
        contents: Contents::Image {
            tree,
            is_writable: false,
        },
        bytes: None,
    };
    (folder, item)
}

/// A flat package.
pub(crate) fn package(bytes: Vec<u8>) -> InstallerItem {
    InstallerItem {
        path: PathBuf::from("Sample-1.pkg"),
        location: "Sample-1.pkg".to_owned(),
        contents: Contents::FlatPackage(Arc::new(bytes)),
        bytes: None,
    }
}

pub(crate) fn make(item: &InstallerItem, options: &[&str]) -> Result<Made, PkginfoError> {
    let options = PkginfoOptions::parse(options.iter().copied()).unwrap();
    make_pkginfo(Some(item), &options, &metadata())
}
