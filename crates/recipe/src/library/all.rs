//! Many recipes at once.

use std::{
    iter,
    num::NonZero,
    panic::resume_unwind,
    path::{Path, PathBuf},
    sync::atomic::{AtomicUsize, Ordering},
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

pub(super) fn in_parallel<I: Sync, T: Send>(items: &[I], work: impl Fn(&I) -> T + Sync) -> Vec<T> {
    if items.len() < 2 {
        return items.iter().map(work).collect();
    }
    let threads = thread::available_parallelism().map_or(1, NonZero::get);
    // Some items are folders of thousands of files: whoever has done one takes the next.
    let (next, work) = (AtomicUsize::new(0), &work);
    let take = || {
        let index = next.fetch_add(1, Ordering::Relaxed);
        items.get(index).map(|item| (index, work(item)))
    };
    let mut done: Vec<(usize, T)> = thread::scope(|scope| {
        let workers: Vec<_> = (0..threads.min(items.len()))
            .map(|_| scope.spawn(|| iter::from_fn(take).collect::<Vec<_>>()))
            .collect();
        workers
            .into_iter()
            .flat_map(|worker| worker.join().unwrap_or_else(|panic| resume_unwind(panic)))
            .collect()
    });
    done.sort_by_key(|(index, _)| *index);
    done.into_iter().map(|(_, answer)| answer).collect()
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
