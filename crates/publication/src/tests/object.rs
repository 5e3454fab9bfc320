//! Repositories in object stores: one in memory, and a real server that speaks S3.

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use model::{ChangeSetId, Sha256};
use munki::CatalogOptions;
use object_store::{ObjectStore, memory::InMemory};
use redact::Secret;
use testkit::{
    azure::{ACCOUNT, AzureServer, CONTAINER, KEY},
    google::{self, Google},
    s3::{BUCKET, KEY_ID, S3Server, SECRET},
};

use super::{
    crash::{ends_and_is_finished, expected, is_long, killed_at_many_times},
    scene::{NOW, Scene, assert_offered_is_there, assert_sound, fast_folder, tree},
};
use crate::{
    Backend, ChangeSet, FolderRepository, Held, Kind, Locks, ObjectRepository, ObjectSettings,
    Point, PublicationObserver, PublishError, Repository as _, RepositoryError, Unobserved,
    discarded, publish, purge, recover, revert_of,
};

/// The file of a scene that says where on an S3 server its repository is.
const S3: &str = "s3";

/// A lock that is lost after so many looks at it.
#[derive(Debug)]
struct Lease(AtomicUsize);

impl Lease {
    fn that_lasts() -> Arc<Self> {
        Self::for_looks(usize::MAX)
    }

    fn for_looks(looks: usize) -> Arc<Self> {
        Arc::new(Self(AtomicUsize::new(looks)))
    }
}

#[derive(Debug)]
struct Right<'a>(&'a Lease);

impl Locks for Lease {
    fn wait(&self) -> Result<Box<dyn Held + '_>, RepositoryError> {
        Ok(Box::new(Right(self)))
    }
}

impl Held for Right<'_> {
    fn check(&self) -> Result<(), RepositoryError> {
        let left = self
            .0
            .0
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| {
                left.checked_sub(1)
            });
        left.map(|_| ()).map_err(|_spent| RepositoryError::LockLost)
    }
}

fn in_memory() -> (Arc<InMemory>, Scene) {
    let store = Arc::new(InMemory::new());
    let repository = over(&store, Lease::that_lasts());
    (store, Scene::of(fast_folder(), Arc::new(repository)))
}

fn over(store: &Arc<InMemory>, lease: Arc<Lease>) -> ObjectRepository {
    let store: Arc<dyn ObjectStore> = store.clone();
    ObjectRepository::over(store, "a/prefix", lease).unwrap()
}

/// A server, unless no Python has one.
fn server() -> Option<S3Server> {
    let server = S3Server::start().unwrap();
    if server.is_none() {
        println!("skipped: no Python has moto");
    }
    server
}

fn connect(endpoint: &str, prefix: &str) -> Result<ObjectRepository, RepositoryError> {
    connect_to(endpoint, &format!("s3://{BUCKET}/{prefix}"))
}

fn connect_to(endpoint: &str, address: &str) -> Result<ObjectRepository, RepositoryError> {
    let settings = ObjectSettings {
        address: address.parse().unwrap(),
        endpoint: Some(endpoint.to_owned()),
        region: None,
        virtual_hosted: false,
        access_key_id: Some(KEY_ID.to_owned()),
        secret: Some(Secret::new(SECRET.to_owned())),
    };
    ObjectRepository::connect(&settings, Lease::that_lasts())
}

/// A scene on the server, below a prefix of its own.
fn on(server: &S3Server) -> Scene {
    let folder = fast_folder();
    let prefix = ChangeSetId::new().to_string();
    let place = format!("{}\n{prefix}", server.endpoint());
    fs_err::write(folder.path().join(S3), place).unwrap();
    let repository = connect(server.endpoint(), &prefix).unwrap();
    Scene::of(folder, Arc::new(repository))
}

/// The repository of the scene in `folder`, for another process.
pub(super) fn child_repository(folder: &Path) -> Arc<dyn Backend> {
    match fs_err::read_to_string(folder.join(S3)) {
        Ok(place) => {
            let (endpoint, prefix) = place.split_once('\n').unwrap();
            Arc::new(connect(endpoint, prefix).unwrap())
        }
        Err(_) => Arc::new(FolderRepository::open(&folder.join("repo")).unwrap()),
    }
}

/// Publishes, reverts and purges; ends with the trees that a folder ends with.
fn change_revert_and_purge(scene: &Scene) {
    let (before, after) = expected();
    assert!(scene.tree() == before);
    let set = scene.change();
    scene.publish(&set).unwrap();
    assert!(scene.tree() == after);
    assert_sound(&*scene.repository, "published");
    assert!(scene.publish(&set).unwrap().catalogs.is_empty());
    assert_eq!(discarded(&*scene.repository).unwrap().len(), 1);
    let revert = revert_of(&*scene.repository, set.id).unwrap();
    scene.publish(&revert).unwrap();
    assert!(scene.tree() == before);
    for id in [set.id, revert.id] {
        purge(&*scene.repository, id).unwrap();
    }
    assert!(discarded(&*scene.repository).unwrap().is_empty());
    let gone = revert_of(&*scene.repository, set.id).unwrap_err();
    assert!(matches!(gone, PublishError::NotKept { .. }), "{gone}");
    assert_sound(&*scene.repository, "reverted");
}

#[test]
fn an_object_store_ends_with_the_bytes_that_a_folder_ends_with() {
    let (_, scene) = in_memory();
    change_revert_and_purge(&scene);
}

#[test]
fn so_does_one_that_is_spoken_to_in_s3() {
    let Some(server) = server() else { return };
    change_revert_and_purge(&on(&server));
}

/// A scene below a prefix of a bucket or container that is not S3's.
fn elsewhere(bucket: &str, endpoint: &str, account: Option<&str>, secret: &str) -> Scene {
    let settings = ObjectSettings {
        address: format!("{bucket}/a/prefix").parse().unwrap(),
        endpoint: Some(endpoint.to_owned()),
        region: None,
        virtual_hosted: false,
        access_key_id: account.map(str::to_owned),
        secret: Some(Secret::new(secret.to_owned())),
    };
    let repository = ObjectRepository::connect(&settings, Lease::that_lasts()).unwrap();
    Scene::of(fast_folder(), Arc::new(repository))
}

#[test]
fn so_does_one_that_is_spoken_to_as_azure_is() {
    let Some(server) = AzureServer::start().unwrap() else {
        println!("skipped: Azurite is not installed");
        return;
    };
    let bucket = format!("az://{CONTAINER}");
    change_revert_and_purge(&elsewhere(&bucket, server.endpoint(), Some(ACCOUNT), KEY));
}

#[test]
fn so_does_one_that_is_spoken_to_as_google_is() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let server = runtime.block_on(Google::start()).unwrap();
    let bucket = format!("gs://{}", google::BUCKET);
    change_revert_and_purge(&elsewhere(
        &bucket,
        &server.endpoint(),
        None,
        server.account(),
    ));
}

#[test]
fn a_publication_to_s3_that_ends_at_any_point_is_finished() {
    let Some(server) = server() else { return };
    let every = if is_long() { 1 } else { 17 };
    ends_and_is_finished(|| on(&server), every);
}

#[test]
fn a_publication_to_s3_that_is_killed_at_any_time_is_whole_or_not_at_all() {
    let Some(server) = server() else { return };
    killed_at_many_times(|| on(&server), if is_long() { 200 } else { 2 });
}

#[test]
fn a_writer_that_loses_its_lease_stops_and_leaves_the_rest_to_the_next() {
    let (before, after) = expected();
    let mut stopped = 0;
    for looks in 0.. {
        let (store, scene) = in_memory();
        let set = scene.change();
        let slow = over(&store, Lease::for_looks(looks));
        let when = format!("after {looks} looks");
        let Err(error) = publish(&slow, &set, CatalogOptions::default(), &Unobserved, NOW) else {
            break;
        };
        stopped += 1;
        assert!(format!("{error:?}").contains("LockLost"), "{error:?}");
        assert_offered_is_there(&*scene.repository, &when);
        recover(&*scene.repository).unwrap();
        assert_sound(&*scene.repository, &when);
        let expected = if looks == 0 { &before } else { &after };
        assert!(scene.tree() == *expected, "{when}");
    }
    assert!(stopped > 20, "only {stopped}");
}

/// Does something at one point of a publication.
struct At<F: Fn() + Send + Sync>(&'static str, F);

impl<F: Fn() + Send + Sync> PublicationObserver for At<F> {
    fn reached(&self, point: Point) {
        if point.name() == self.0 {
            self.1();
        }
    }
}

#[test]
fn a_catalog_that_somebody_else_has_written_meanwhile_is_not_overwritten() {
    let (store, scene) = in_memory();
    let before = scene.tree();
    let slow = over(&store, Lease::that_lasts());
    let set = scene.change();
    let other = scene.repository.clone();
    let newer = b"<plist><array/></plist>";
    let interfere = At("catalogs-prepared", move || {
        other.put(Kind::Catalogs, "all", newer).unwrap();
    });
    let error = publish(&slow, &set, CatalogOptions::default(), &interfere, NOW).unwrap_err();
    assert!(
        error.to_string().contains("changed by somebody else"),
        "{error}"
    );
    // It held the lock still, so it has put everything in order.
    assert_sound(&*scene.repository, "undone");
    assert!(scene.tree() == before);
}

#[test]
fn what_is_where_something_is_to_be_placed_stays() {
    let (store, scene) = in_memory();
    let slow = over(&store, Lease::that_lasts());
    let set = scene.change();
    let other = scene.repository.clone();
    let interfere = At("catalogs-prepared", move || {
        other.put(Kind::Pkgs, "apps/B-1.pkg", b"mine").unwrap();
    });
    publish(&slow, &set, CatalogOptions::default(), &interfere, NOW).unwrap_err();
    let there = scene.repository.get(Kind::Pkgs, "apps/B-1.pkg").unwrap();
    assert_eq!(there, b"mine");
}

#[test]
fn large_packages_go_in_parts_and_come_back_as_they_were() {
    let Some(server) = server() else { return };
    let scene = on(&server);
    let large: Vec<u8> = (0..=250_u8).cycle().take(40_000_003).collect();
    let mut set = ChangeSet::new(ChangeSetId::new());
    set.files
        .push(scene.staged(Kind::Pkgs, "large one~(1).pkg", &large));
    scene.publish(&set).unwrap();
    let digest = |kind, location: &str| scene.repository.digest(kind, location).unwrap();
    let sha256 = Some(Sha256::of(&large));
    assert_eq!(digest(Kind::Pkgs, "large one~(1).pkg"), sha256);
    let other = connect(server.endpoint(), &prefix_of(&scene)).unwrap();
    assert_eq!(other.get(Kind::Pkgs, "large one~(1).pkg").unwrap(), large);
    assert_eq!(
        other.digest(Kind::Pkgs, "large one~(1).pkg").unwrap(),
        sha256
    );

    let mut set = ChangeSet::new(ChangeSetId::new());
    set.removals
        .push(scene.removal(Kind::Pkgs, "large one~(1).pkg"));
    scene.publish(&set).unwrap();
    assert_eq!(digest(Kind::Pkgs, "large one~(1).pkg"), None);
    scene
        .publish(&revert_of(&*scene.repository, set.id).unwrap())
        .unwrap();
    assert_eq!(digest(Kind::Pkgs, "large one~(1).pkg"), sha256);
}

fn prefix_of(scene: &Scene) -> String {
    let place = fs_err::read_to_string(scene.folder.path().join(S3)).unwrap();
    place.split_once('\n').unwrap().1.to_owned()
}

#[test]
fn a_package_that_changes_while_it_is_sent_is_no_object() {
    let Some(server) = server() else { return };
    let scene = on(&server);
    let before = scene.tree();
    let mut set = ChangeSet::new(ChangeSetId::new());
    let file = scene.staged(Kind::Pkgs, "large.pkg", &vec![7; 10 << 20]);
    let source = file.source.clone();
    set.files.push(file);
    let tamper = At("catalogs-prepared", move || {
        fs_err::write(&source, vec![8; 10 << 20]).unwrap();
    });
    publish(
        &*scene.repository,
        &set,
        CatalogOptions::default(),
        &tamper,
        NOW,
    )
    .unwrap_err();
    assert!(scene.tree() == before);
    assert_sound(&*scene.repository, "tampered");
}

#[test]
fn what_another_process_has_changed_is_read_anew() {
    let (store, scene) = in_memory();
    let other = over(&store, Lease::that_lasts());
    assert!(tree(&other) == scene.tree());
    scene
        .repository
        .put(Kind::Manifests, "all", b"new")
        .unwrap();
    assert_eq!(other.get(Kind::Manifests, "all").unwrap(), b"new");
    let digest = other.digest(Kind::Manifests, "all").unwrap();
    assert_eq!(digest, Some(Sha256::of(b"new")));
}

#[test]
fn a_store_that_refuses_or_does_not_answer_is_told_at_once_without_the_secret() {
    let Some(server) = server() else { return };
    let error = connect_to(server.endpoint(), "s3://no-such-bucket/x").unwrap_err();
    let told = format!("{error:?}");
    assert!(told.contains("NoSuchBucket"), "{told}");
    assert!(!told.contains(SECRET), "{told}");
}
