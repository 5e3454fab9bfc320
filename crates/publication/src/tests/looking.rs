//! What those see who fetch from a repository, in a folder or an object store.

use std::{io::Read as _, sync::Arc};

use object_store::memory::InMemory;

use crate::{Backend, FolderRepository, Held, Kind, Locks, ObjectRepository, RepositoryError};

#[derive(Debug)]
struct Open;

impl Locks for Open {
    fn wait(&self) -> Result<Box<dyn Held + '_>, RepositoryError> {
        Ok(Box::new(Self))
    }
}

impl Held for Open {
    fn check(&self) -> Result<(), RepositoryError> {
        Ok(())
    }
}

fn both() -> (tempfile::TempDir, [Arc<dyn Backend>; 2]) {
    let folder = tempfile::tempdir().unwrap();
    let in_folder = FolderRepository::create(folder.path()).unwrap();
    let objects = Arc::new(InMemory::new());
    let in_store = ObjectRepository::over(objects, "a", Arc::new(Open)).unwrap();
    (folder, [Arc::new(in_folder), Arc::new(in_store)])
}

#[test]
fn what_is_there_is_read_from_any_byte_on_as_long_as_it_is_the_same() {
    let (_folder, backends) = both();
    for backend in backends {
        let (kind, location) = (Kind::Pkgs, "apps/Widget 1.pkg");
        assert_eq!(backend.look(kind, location).unwrap(), None);
        backend.put(kind, location, b"0123456789").unwrap();
        let look = backend.look(kind, location).unwrap().unwrap();
        assert_eq!(look.len_bytes, 10);
        assert_eq!(backend.look(kind, location).unwrap().unwrap(), look);
        for (from, expected) in [(0, "0123456789"), (7, "789"), (10, ""), (99, "")] {
            let mut text = String::new();
            let mut reader = backend.read_from(kind, location, &look, from).unwrap();
            reader.read_to_string(&mut text).unwrap();
            assert_eq!(text, expected, "{backend:?}");
        }
        backend.put(kind, location, b"something longer").unwrap();
        let refused = backend.read_from(kind, location, &look, 3).err().unwrap();
        assert!(
            matches!(refused, RepositoryError::NotFound { .. }),
            "{refused}"
        );
        assert_ne!(backend.look(kind, location).unwrap().unwrap().tag, look.tag);
        for wrong in ["../pkgsinfo/a", "", "a//b", ".hidden"] {
            backend.look(kind, wrong).unwrap_err();
        }
        assert_eq!(
            backend.look(kind, "apps").unwrap(),
            None,
            "a folder is nothing"
        );
    }
}
