//! What libraries of one process know of files, and leave to the next process.

use std::{io, path::PathBuf, sync::Arc};

use super::files::Files;

/// So much was read anew that reading it again would take longer than to note it.
const WORTH_NOTING: usize = 64;

/// What is known of recipe files, in this process and from earlier ones.
///
/// A file that may have changed since is read again. Without notes everything is read once in each process.
#[derive(Clone, Debug)]
pub struct Memory(Arc<Files>);

impl Memory {
    /// A memory whose notes lie at `path`. They are read when they are first needed.
    pub fn noted_at(path: PathBuf) -> Self {
        Self(Arc::new(Files::noted_at(path)))
    }

    /// Notes what was read, if that is worth it.
    ///
    /// # Errors
    /// If the notes cannot be written. Those of before are still there then.
    pub fn note(&self) -> io::Result<()> {
        self.0.note(WORTH_NOTING)
    }

    pub(super) fn files(&self) -> Arc<Files> {
        Arc::clone(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use std::{path::Path, time::Duration};

    use fs_err as fs;

    use super::*;
    use crate::{Library, Listed, Scope};

    /// Recipes that were written long ago: of what was written just now nothing is noted.
    struct House(tempfile::TempDir);

    impl House {
        fn new() -> Self {
            let house = Self(tempfile::tempdir().unwrap());
            house.write("a/A", "Identifier: a\nInput: {}\nProcess: []\n");
            house.write("a/sub/B", "Identifier: b\nInput: {}\nParentRecipe: a\n");
            house.write("a/sub/Bad", "Identifier: [\n");
            house.write("a/Odd", "Identifier: \"a\\tb\"\nInput: {}\nProcess: []\n");
            std::thread::sleep(Duration::from_millis(2100));
            house
        }

        fn path(&self, name: &str) -> PathBuf {
            self.0.path().join(name)
        }

        fn write(&self, name: &str, text: &str) {
            let path = self.path(&format!("{name}.recipe.yaml"));
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }

        /// A process of its own: what it lists, what it cannot read, and how much it read of the disk.
        fn process(&self) -> (Vec<Listed>, Vec<String>, Library, Memory) {
            let memory = Memory::noted_at(self.path("notes"));
            let dirs = [self.path("a").display().to_string()];
            let library = Library::new(&dirs, &[], None).with_memory(&memory);
            let (listed, mut bad) = (library.list(), library.unreadable());
            bad.sort();
            (listed, bad, library, memory)
        }

        fn names(&self) -> Vec<String> {
            let (listed, ..) = self.process();
            listed.into_iter().map(|it| it.name).collect()
        }
    }

    #[test]
    fn another_process_knows_what_one_has_read_until_it_changes() {
        let house = House::new();
        let (listed, bad, _, memory) = house.process();
        assert_eq!((listed.len(), bad.len()), (3, 1), "{bad:?}");
        memory.note().unwrap();
        assert!(!house.path("notes").exists(), "so little is not worth it");
        memory.0.note(1).unwrap();

        // Nothing is read but the file whose identifier fits on no line.
        let (again, bad_again, _, memory) = house.process();
        assert_eq!((&again, &bad_again), (&listed, &bad));
        assert_eq!(memory.0.news(), 1);

        // In place, at the same length, and with its old time.
        let path = house.path("a/sub/B.recipe.yaml");
        let modified = fs::metadata(&path).unwrap().modified().unwrap();
        house.write("a/sub/B", "Identifier: c\nInput: {}\nParentRecipe: a\n");
        let file = fs::File::options().write(true).open(&path).unwrap();
        file.file().set_modified(modified).unwrap();
        let (_, _, library, _) = house.process();
        assert_eq!(library.locate("c", Scope::Recipes, &[]), Some(path));
        assert_eq!(library.locate("b", Scope::Recipes, &[]), None);

        house.write("a/sub/C", "Identifier: d\nInput: {}\nProcess: []\n");
        fs::remove_file(house.path("a/A.recipe.yaml")).unwrap();
        fs::rename(house.path("a/sub"), house.path("a/other")).unwrap();
        assert_eq!(house.names(), ["Odd", "B", "C"]);
        let link = house.path("a/elsewhere");
        std::os::unix::fs::symlink(house.path("b"), link).unwrap();
        house.write("b/D", "Identifier: e\nInput: {}\nProcess: []\n");
        assert_eq!(house.names(), ["Odd", "D", "B", "C"]);
    }

    #[test]
    fn notes_that_are_damaged_are_none() {
        let house = House::new();
        let (listed, _, _, memory) = house.process();
        memory.0.note(1).unwrap();
        let notes = house.path("notes");
        let good = fs::read(&notes).unwrap();
        let is_read = |bytes: &[u8]| {
            fs::write(&notes, bytes).unwrap();
            let (again, _, _, memory) = house.process();
            assert_eq!(again, listed);
            memory.0.news() > 1
        };
        assert!(!is_read(&good));
        for end in (0..good.len()).step_by(7) {
            assert!(is_read(&good[..end]), "{end}");
        }
        for place in (0..good.len()).step_by(13) {
            let mut bytes = good.clone();
            bytes[place] ^= 1;
            assert!(is_read(&bytes), "{place}");
        }
        fs::remove_file(&notes).unwrap();
        fs::create_dir(&notes).unwrap();
        let (again, _, _, memory) = house.process();
        assert_eq!(again, listed);
        assert!(memory.0.note(1).is_err());
        let left: Vec<_> = fs::read_dir(Path::new(&house.path(""))).unwrap().collect();
        assert_eq!(left.len(), 2, "the folder of recipes and that one");
    }

    #[test]
    fn what_was_written_just_now_is_not_noted() {
        let house = House::new();
        house.write("a/A", "Identifier: x\nInput: {}\nProcess: []\n");
        let (_, _, _, memory) = house.process();
        memory.0.note(1).unwrap();
        // Nobody could tell the file of before from this one if both were written within one tick.
        let (_, _, _, memory) = house.process();
        assert_eq!(memory.0.news(), 2, "that file and the odd one");
    }
}
