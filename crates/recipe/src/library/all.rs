//! Many recipes at once.

use std::{
    num::NonZero,
    panic::resume_unwind,
    path::{Path, PathBuf},
    thread,
};

use super::{Library, Scope};
use crate::{ResolveError, Resolved};

impl Library {
    /// Puts each of `files` together with its parents and gives what `then` makes of it, in their order.
    ///
    /// Works on as many threads as the machine has cores, reads each file once and keeps what it says, so it is meant
    /// for looking over whole collections and not for services that go on running.
    pub fn resolve_each<T: Send>(
        &self,
        files: &[PathBuf],
        then: impl Fn(&Path, Result<Resolved, ResolveError>) -> T + Sync,
    ) -> Vec<T> {
        in_parallel(files, |file| drop(self.files.recipe(file)));
        in_parallel(files, |file| {
            let resolved = self.resolve_in(&file.to_string_lossy(), Scope::Recipes, &[]);
            then(file, resolved)
        })
    }
}

fn in_parallel<I: Sync, T: Send>(items: &[I], work: impl Fn(&I) -> T + Sync) -> Vec<T> {
    let threads = thread::available_parallelism().map_or(1, NonZero::get);
    let share = items.len().div_ceil(threads).max(1);
    thread::scope(|scope| {
        let work = &work;
        let shares: Vec<_> = items
            .chunks(share)
            .map(|items| scope.spawn(move || items.iter().map(work).collect::<Vec<T>>()))
            .collect();
        shares
            .into_iter()
            .flat_map(|share| share.join().unwrap_or_else(|panic| resume_unwind(panic)))
            .collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_come_in_the_order_of_the_files() {
        let folder = tempfile::tempdir().unwrap();
        let files: Vec<PathBuf> = (0..100)
            .map(|index| {
                let path = folder.path().join(format!("{index:03}.recipe.yaml"));
                let parent = if index % 2 == 0 {
                    ""
                } else {
                    "ParentRecipe: r0\n"
                };
                fs_err::write(
                    &path,
                    format!("Identifier: r{index}\nInput: {{}}\nProcess: []\n{parent}"),
                )
                .unwrap();
                path
            })
            .collect();
        let library = Library::new(&[folder.path().display().to_string()], &[], None);
        let answers = library.resolve_each(&files, |file, resolved| {
            let resolved = resolved.unwrap();
            assert_eq!(resolved.path(), file);
            (
                resolved.identifier().unwrap().to_owned(),
                resolved.parents().len(),
            )
        });
        let expected: Vec<(String, usize)> = (0..100)
            .map(|index| (format!("r{index}"), index % 2))
            .collect();
        assert_eq!(answers, expected);
        assert!(library.resolve_each(&[], |_, _| ()).is_empty());
    }
}
