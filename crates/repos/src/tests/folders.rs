use std::{
    io::Read as _,
    net::TcpListener,
    path::{Path, PathBuf},
    time::Duration,
};

use super::Origin;
use crate::{Limits, RepoAddress, RepoError, Update, add, delete, update};

/// An origin with one commit, a place for clones, and the clone's address.
struct Bench {
    dir: tempfile::TempDir,
    origin: Origin,
    address: RepoAddress,
    repo_dir: PathBuf,
}

impl Bench {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let origin = Origin::new(&dir.path().join("origin"));
        origin.write("A/A.recipe", "one\n");
        origin.commit(0, "First", &[]);
        let address = RepoAddress::parse(&origin.folder.to_string_lossy()).unwrap();
        let repo_dir = dir.path().join("repos");
        Self {
            dir,
            origin,
            address,
            repo_dir,
        }
    }

    fn add(&self) -> Result<(PathBuf, Option<Update>), RepoError> {
        add(&self.address, &self.repo_dir, None, Limits::default())
    }

    fn added(&self) -> PathBuf {
        let (folder, update) = self.add().unwrap();
        assert_eq!(update, None);
        folder
    }
}

fn text(path: &Path) -> String {
    fs_err::read_to_string(path).unwrap()
}

fn listing(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs_err::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

fn quick() -> Limits {
    Limits {
        stall: Duration::from_millis(200),
        ..Limits::default()
    }
}

#[test]
fn a_repository_is_cloned_once_and_updated_then() {
    let bench = Bench::new();
    let folder = bench.added();
    assert_eq!(
        folder.file_name().unwrap().to_string_lossy(),
        bench.address.folder_name().unwrap()
    );
    assert_eq!(text(&folder.join("A/A.recipe")), "one\n");
    assert_eq!(
        bench.add().unwrap(),
        (folder.clone(), Some(Update::UpToDate))
    );
    bench.origin.write("A/A.recipe", "two\n");
    bench.origin.write("B.recipe", "b\n");
    let second = bench.origin.commit(1, "Second", &[]);
    let Update::Forward { from, to, files } = update(&folder, Limits::default()).unwrap() else {
        panic!("nothing came");
    };
    assert_ne!(from, to);
    assert_eq!((to, files), (second.to_string(), 2));
    assert_eq!(text(&folder.join("A/A.recipe")), "two\n");
    assert_eq!(
        git2::Repository::open(&folder)
            .unwrap()
            .statuses(None)
            .unwrap()
            .len(),
        0
    );
    assert_eq!(
        update(&folder, Limits::default()).unwrap(),
        Update::UpToDate
    );
    assert_eq!(listing(&bench.repo_dir).len(), 1);
}

#[test]
fn a_file_url_and_a_path_from_home_will_do() {
    let bench = Bench::new();
    let url = format!("file://{}", bench.origin.folder.display());
    let address = RepoAddress::parse(&url).unwrap();
    let (folder, _) = add(&address, &bench.repo_dir, None, Limits::default()).unwrap();
    assert_eq!(text(&folder.join("A/A.recipe")), "one\n");

    let home = Some(bench.dir.path());
    let address = RepoAddress::parse("~/origin").unwrap();
    let (folder, _) = add(&address, &bench.repo_dir, home, Limits::default()).unwrap();
    assert_eq!(folder.file_name().unwrap(), "~.origin");
    assert_eq!(text(&folder.join("A/A.recipe")), "one\n");
}

#[test]
fn a_repository_without_commits_is_refused() {
    let bench = Bench::new();
    Origin::new(&bench.dir.path().join("empty"));
    let address = RepoAddress::parse(&format!("{}/empty", bench.dir.path().display())).unwrap();
    let error = add(&address, &bench.repo_dir, None, Limits::default()).unwrap_err();
    assert!(matches!(error, RepoError::Empty { .. }), "{error:?}");
    assert_eq!(listing(&bench.repo_dir), Vec::<String>::new());
}

#[test]
fn changes_made_by_hand_are_kept() {
    let bench = Bench::new();
    let folder = bench.added();
    bench.origin.write("B.recipe", "theirs\n");
    bench.origin.write("A/A.recipe", "two\n");
    bench.origin.commit(1, "Second", &[]);
    fs_err::write(folder.join("A/A.recipe"), "mine\n").unwrap();
    let error = update(&folder, Limits::default()).unwrap_err();
    assert!(
        matches!(&error, RepoError::LocalChanges { files, .. } if files == &["A/A.recipe"]),
        "{error:?}"
    );
    assert!(error.hint().is_some());
    assert_eq!(text(&folder.join("A/A.recipe")), "mine\n");
    assert!(!folder.join("B.recipe").exists());

    // An untracked file in the way is a change too.
    fs_err::write(folder.join("A/A.recipe"), "one\n").unwrap();
    fs_err::write(folder.join("B.recipe"), "mine\n").unwrap();
    let error = update(&folder, Limits::default()).unwrap_err();
    assert!(matches!(error, RepoError::LocalChanges { .. }), "{error:?}");
    assert_eq!(text(&folder.join("B.recipe")), "mine\n");

    // What the update would write anyway is none.
    fs_err::write(folder.join("B.recipe"), "theirs\n").unwrap();
    fs_err::write(folder.join("C.recipe"), "untouched\n").unwrap();
    update(&folder, Limits::default()).unwrap();
    assert_eq!(text(&folder.join("A/A.recipe")), "two\n");
    assert_eq!(text(&folder.join("C.recipe")), "untouched\n");
}

#[test]
fn an_update_that_was_cut_before_the_branch_moved_is_finished_by_the_next() {
    let bench = Bench::new();
    let folder = bench.added();
    bench.origin.write("A/A.recipe", "two\n");
    bench.origin.commit(1, "Second", &[]);
    let repository = git2::Repository::open(&folder).unwrap();
    let before = repository.refname_to_id("refs/heads/main").unwrap();
    update(&folder, Limits::default()).unwrap();
    repository
        .reference("refs/heads/main", before, true, "as if cut")
        .unwrap();
    let again = update(&folder, Limits::default()).unwrap();
    assert!(matches!(again, Update::Forward { .. }));
    assert_eq!(text(&folder.join("A/A.recipe")), "two\n");
}

#[test]
fn histories_that_parted_are_told_of() {
    let bench = Bench::new();
    let folder = bench.added();
    bench.origin.write("A/A.recipe", "two\n");
    bench.origin.commit(1, "Theirs", &[]);
    let mine = Origin {
        repository: git2::Repository::open(&folder).unwrap(),
        folder: folder.clone(),
    };
    mine.write("B.recipe", "mine\n");
    mine.commit(1, "Mine", &[]);
    let error = update(&folder, Limits::default()).unwrap_err();
    assert!(
        matches!(
            error,
            RepoError::Diverged {
                ahead: 1,
                behind: 1,
                ..
            }
        ),
        "{error:?}"
    );
    assert_eq!(text(&folder.join("A/A.recipe")), "one\n");
}

#[test]
fn what_follows_nothing_cannot_be_updated() {
    let bench = Bench::new();
    let error = update(&bench.origin.folder, Limits::default()).unwrap_err();
    assert!(matches!(error, RepoError::NoUpstream { .. }), "{error:?}");
    let folder = bench.added();
    let repository = git2::Repository::open(&folder).unwrap();
    repository
        .set_head_detached(repository.head().unwrap().target().unwrap())
        .unwrap();
    let error = update(&folder, Limits::default()).unwrap_err();
    assert!(matches!(error, RepoError::NoUpstream { .. }), "{error:?}");
    let error = update(bench.dir.path(), Limits::default()).unwrap_err();
    assert!(
        matches!(error, RepoError::NotARepository { .. }),
        "{error:?}"
    );
}

#[test]
fn an_origin_that_is_gone_cannot_be_reached_and_nothing_is_left() {
    let bench = Bench::new();
    let folder = bench.added();
    let error = add(
        &RepoAddress::parse("/nowhere/at/all").unwrap(),
        &bench.repo_dir,
        None,
        Limits::default(),
    )
    .unwrap_err();
    assert!(matches!(error, RepoError::Unreachable { .. }), "{error:?}");
    assert_eq!(listing(&bench.repo_dir).len(), 1);
    fs_err::remove_dir_all(&bench.origin.folder).unwrap();
    let error = update(&folder, Limits::default()).unwrap_err();
    assert!(matches!(error, RepoError::Unreachable { .. }), "{error:?}");
    assert_eq!(text(&folder.join("A/A.recipe")), "one\n");
}

#[test]
fn a_closed_port_is_told_of_without_the_password() {
    let dir = tempfile::tempdir().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let url = format!("http://me:s3cret-token@127.0.0.1:{port}/a/b.git");
    let address = RepoAddress::parse(&url).unwrap();
    let error = add(&address, dir.path(), None, Limits::default()).unwrap_err();
    assert!(matches!(error, RepoError::Unreachable { .. }), "{error:?}");
    assert!(
        !format!("{error} {error:?}").contains("s3cret"),
        "{error:?}"
    );
    assert_eq!(listing(dir.path()), Vec::<String>::new());
}

#[test]
fn a_server_that_never_answers_is_given_up() {
    let dir = tempfile::tempdir().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/a/b.git", listener.local_addr().unwrap());
    let address = RepoAddress::parse(&url).unwrap();
    let error = add(&address, dir.path(), None, quick()).unwrap_err();
    assert!(matches!(error, RepoError::TimedOut { .. }), "{error:?}");
    assert_eq!(listing(dir.path()), Vec::<String>::new());
}

#[test]
fn a_server_that_asks_who_is_there_gets_no_answer() {
    let dir = tempfile::tempdir().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/a/b.git", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            let mut request = [0; 4096];
            if stream.read(&mut request).is_err() {
                return;
            }
            let answer = "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic realm=\"x\"\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
            std::io::Write::write_all(&mut stream, answer.as_bytes()).unwrap_or_default();
        }
    });
    let address = RepoAddress::parse(&url).unwrap();
    let error = add(&address, dir.path(), None, Limits::default()).unwrap_err();
    assert!(matches!(error, RepoError::Credentials { .. }), "{error:?}");
    assert_eq!(listing(dir.path()), Vec::<String>::new());
}

#[test]
fn more_than_the_limit_is_not_taken() {
    let bench = Bench::new();
    let limits = Limits {
        received_bytes: 10,
        ..Limits::default()
    };
    let error = add(&bench.address, &bench.repo_dir, None, limits).unwrap_err();
    assert!(
        matches!(
            error,
            RepoError::TooLarge {
                limit_bytes: 10,
                ..
            }
        ),
        "{error:?}"
    );
    assert_eq!(listing(&bench.repo_dir), Vec::<String>::new());
}

#[test]
fn what_lies_in_the_way_stays() {
    let bench = Bench::new();
    let folder = bench.repo_dir.join(bench.address.folder_name().unwrap());
    fs_err::create_dir_all(&folder).unwrap();
    fs_err::write(folder.join("mine"), "mine").unwrap();
    let error = bench.add().unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("{} exists and is not a git repo!", folder.display())
    );
    let error = delete(&folder).unwrap_err();
    assert!(
        matches!(error, RepoError::NotARepository { .. }),
        "{error:?}"
    );
    assert_eq!(listing(&folder), ["mine"]);
}

#[test]
fn a_deleted_repository_is_gone_and_may_be_deleted_again() {
    let bench = Bench::new();
    let folder = bench.added();
    delete(&folder).unwrap();
    assert_eq!(listing(&bench.repo_dir), Vec::<String>::new());
    delete(&folder).unwrap();
    bench.added();
}

#[test]
fn what_dead_processes_left_is_swept_and_what_living_ones_make_is_not() {
    let bench = Bench::new();
    fs_err::create_dir_all(bench.repo_dir.join(".coming-4294967295-x/.git")).unwrap();
    fs_err::create_dir_all(bench.repo_dir.join(".going-4294967295-x/.git")).unwrap();
    fs_err::create_dir_all(bench.repo_dir.join(".coming-1-x/.git")).unwrap();
    let folder = bench.added();
    let name = folder.file_name().unwrap().to_string_lossy().into_owned();
    assert_eq!(listing(&bench.repo_dir), [".coming-1-x".to_owned(), name]);
}
