use std::{os::unix::fs::symlink, path::Path, sync::Arc, time::Duration};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use model::{FixedClock, Timestamp};
use proplist::{Value, from_bytes};
use publication::FolderRepository;

use super::{Contents, Entry, Pods, manifest_names, put_manifest, remove_manifest};
use crate::{NewTenant, Tenants, Vault, Welcome};

struct World {
    folder: tempfile::TempDir,
    clock: Arc<FixedClock>,
    tenants: Tenants,
    repository: Arc<FolderRepository>,
    pods: Pods,
}

const CATALOG: &str = "<plist><array>\
    <dict><key>name</key><string>Widget</string><key>version</key><string>1.0</string>\
    <key>installer_item_location</key><string>apps/Widget-1.0.pkg</string></dict>\
    <dict><key>name</key><string>Gadget</string><key>version</key><string>2.0</string>\
    <key>icon_name</key><string>art/Gad.get.icns</string>\
    <key>installer_item_location</key><string>apps/Gadget-2.0.dmg</string>\
    <key>uninstaller_item_location</key><string>apps/Ungadget.dmg</string></dict>\
    </array></plist>";

impl World {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(FixedClock::at(Timestamp::from_secs(1_800_000_000)));
        let db = testkit::database(&folder.path().join("auto-update.db")).await;
        let vault = Vault::in_folder(&folder.path().join("keys"));
        let tenants = Tenants::new(db.clone(), vault.clone(), clock.clone(), Vec::new());
        let repository = FolderRepository::create(&folder.path().join("repo")).unwrap();
        let repository = Arc::new(repository);
        let world = Self {
            pods: Pods::new(db, vault, clock.clone(), repository.clone()).unwrap(),
            folder,
            clock,
            tenants,
            repository,
        };
        for (path, contents) in [
            ("catalogs/production", CATALOG),
            ("catalogs/testing", "<plist><array/></plist>"),
            (
                "catalogs/all",
                "<plist><array><dict><key>name</key><string>Future</string></dict></array></plist>",
            ),
            ("pkgs/apps/Widget-1.0.pkg", "widget"),
            ("pkgs/apps/Gadget-2.0.dmg", "gadget"),
            ("pkgs/apps/Ungadget.dmg", "ungadget"),
            ("pkgs/apps/Future-3.0.pkg", "future"),
            ("pkgsinfo/apps/Widget-1.0.plist", "secret of the house"),
            ("icons/Widget.png", "w"),
            ("icons/Future.png", "f"),
            ("icons/art/Gad.get.icns", "g"),
            (
                "icons/_icon_hashes.plist",
                "<plist><dict><key>Widget.png</key><string>1</string>\
                 <key>Future.png</key><string>2</string></dict></plist>",
            ),
            ("client_resources/site_default.zip", "zip"),
            ("client_resources/other/site_default.zip", "zip"),
            ("evidence/apps/Widget-1.0.pkg.intoto.jsonl", "{}"),
            ("evidence/apps/Gadget-2.0.dmg.intoto.jsonl", "{}"),
            ("evidence/apps/Future-3.0.pkg.intoto.jsonl", "{}"),
            ("tuf/timestamp.json", "{}"),
            ("manifests/site_default", "the operator's own"),
            (".auto-update/journal/x", "journal"),
        ] {
            world.write(path, contents);
        }
        world
    }

    fn root(&self) -> std::path::PathBuf {
        self.folder.path().join("repo")
    }

    fn write(&self, path: &str, contents: &str) {
        let path = self.root().join(path);
        fs_err::create_dir_all(path.parent().unwrap()).unwrap();
        fs_err::write(path, contents).unwrap();
    }

    async fn make(&self, customer: &str, items: Option<&[&str]>) -> Welcome {
        let new = NewTenant {
            customer: customer.to_owned(),
            ring: "production".to_owned(),
            entitled: items.map(|items| items.iter().map(|item| (*item).to_owned()).collect()),
            by: "kim".to_owned(),
        };
        self.tenants.create(new).await.unwrap()
    }

    async fn enter(&self, path: &str, authorization: Option<&str>) -> Entry {
        let authorization = authorization.map(str::as_bytes);
        self.pods.enter(path, authorization).await.unwrap()
    }

    /// What a tenant gets at a path of its view.
    async fn get(&self, tenant: &Welcome, path: &str) -> Option<String> {
        let path = format!("/{}/{path}", tenant.tenant.slug);
        match self.enter(&path, Some(&basic(tenant))).await {
            Entry::Open(exhibit) => {
                let bytes = match &exhibit.contents {
                    Contents::Made(made) => made.to_vec(),
                    Contents::Stored { location } => {
                        let place = (exhibit.kind, location.as_str());
                        let mut reader = self.pods.read(place, &exhibit.look, 0).unwrap();
                        let mut bytes = Vec::new();
                        reader.read_to_end(&mut bytes).unwrap();
                        bytes
                    }
                };
                assert_eq!(exhibit.look.len_bytes, bytes.len() as u64, "{path}");
                Some(String::from_utf8(bytes).unwrap())
            }
            Entry::Nothing => None,
            Entry::Locked => panic!("locked out of {path}"),
        }
    }

    async fn is_locked(&self, path: &str, authorization: Option<&str>) -> bool {
        matches!(self.enter(path, authorization).await, Entry::Locked)
    }
}

fn basic(tenant: &Welcome) -> String {
    format!("Basic {}", tenant.credential.basic().expose())
}

fn names(catalog: &str) -> Vec<String> {
    let Ok(Value::Array(items)) = from_bytes(catalog.as_bytes()) else {
        panic!("{catalog}");
    };
    items
        .iter()
        .map(|item| match item {
            Value::Dict(item) => item.get("name").and_then(Value::as_str).unwrap().to_owned(),
            other => panic!("{other:?}"),
        })
        .collect()
}

#[tokio::test]
async fn a_tenant_sees_what_its_ring_offers_and_nothing_else() {
    let world = World::new().await;
    let acme = world.make("Acme", None).await;
    for (path, contents) in [
        ("catalogs/production", CATALOG),
        ("catalogs/all", CATALOG),
        ("pkgs/apps/Widget-1.0.pkg", "widget"),
        ("pkgs/apps/Gadget-2.0.dmg", "gadget"),
        ("pkgs/apps/Ungadget.dmg", "ungadget"),
        ("icons/Widget.png", "w"),
        ("icons/art/Gad.get.icns", "g"),
        ("client_resources/site_default.zip", "zip"),
        ("evidence/apps/Gadget-2.0.dmg.intoto.jsonl", "{}"),
        ("tuf/timestamp.json", "{}"),
    ] {
        assert_eq!(
            world.get(&acme, path).await.as_deref(),
            Some(contents),
            "{path}"
        );
    }
    for path in [
        "",
        "catalogs",
        "catalogs/",
        "catalogs/testing",
        "pkgs/apps",
        "pkgs/apps/Future-3.0.pkg",
        "icons/Future.png",
        "evidence/apps/Future-3.0.pkg.intoto.jsonl",
        "client_resources/other/site_default.zip",
        "pkgsinfo/apps/Widget-1.0.plist",
        "manifests/nothing",
        ".auto-update/journal/x",
        "catalogs/../pkgsinfo/apps/Widget-1.0.plist",
        "catalogs/%2e%2e/pkgsinfo/apps/Widget-1.0.plist",
        "catalogs/..%2fpkgsinfo/apps/Widget-1.0.plist",
        "client_resources/%2e%2e%2f.auto-update%2fjournal%2fx",
        "pkgs//apps/Widget-1.0.pkg",
        "pkgs/apps%2fWidget-1.0.pkg",
        "pkgs/apps/Widget-1.0.pkg%00",
        "pkgs/apps/Widget-1.0.pkg/",
    ] {
        assert_eq!(world.get(&acme, path).await, None, "{path}");
    }
}

#[tokio::test]
async fn a_tenant_sees_only_the_items_that_it_may_have() {
    let world = World::new().await;
    let acme = world.make("Acme", Some(&["Widget"])).await;
    let catalog = world.get(&acme, "catalogs/production").await.unwrap();
    assert_eq!(names(&catalog), ["Widget"]);
    assert_eq!(world.get(&acme, "catalogs/all").await.unwrap(), catalog);
    let hashes = world.get(&acme, "icons/_icon_hashes.plist").await.unwrap();
    assert!(hashes.contains("Widget.png") && !hashes.contains("Future.png"));
    for (path, is_there) in [
        ("pkgs/apps/Widget-1.0.pkg", true),
        ("pkgs/apps/Gadget-2.0.dmg", false),
        ("pkgs/apps/Ungadget.dmg", false),
        ("icons/Widget.png", true),
        ("icons/art/Gad.get.icns", false),
        ("evidence/apps/Widget-1.0.pkg.intoto.jsonl", true),
        ("evidence/apps/Gadget-2.0.dmg.intoto.jsonl", false),
        ("tuf/timestamp.json", false),
    ] {
        assert_eq!(world.get(&acme, path).await.is_some(), is_there, "{path}");
    }
    // What is decided otherwise holds with the next request.
    let items = Some(vec!["Gadget".to_owned()]);
    world.tenants.entitle("Acme", items).await.unwrap();
    let catalog = world.get(&acme, "catalogs/production").await.unwrap();
    assert_eq!(names(&catalog), ["Gadget"]);
    world
        .tenants
        .entitle("Acme", Some(Vec::new()))
        .await
        .unwrap();
    let catalog = world.get(&acme, "catalogs/production").await.unwrap();
    assert_eq!(names(&catalog), [""; 0]);
    world.tenants.entitle("Acme", None).await.unwrap();
    assert_eq!(
        world.get(&acme, "catalogs/production").await.unwrap(),
        CATALOG
    );
    // And so does what is published.
    world.write("catalogs/production", "<plist><array/></plist>");
    assert_eq!(world.get(&acme, "pkgs/apps/Widget-1.0.pkg").await, None);
    world.tenants.assign("Acme", "testing").await.unwrap();
    assert_eq!(world.get(&acme, "catalogs/production").await, None);
    assert!(world.get(&acme, "catalogs/testing").await.is_some());
}

#[tokio::test]
async fn tenants_never_see_each_others() {
    let world = World::new().await;
    let (acme, beta) = (
        world.make("Acme", None).await,
        world.make("Beta", None).await,
    );
    let manifest = b"<plist><dict><key>managed_installs</key><array/></dict></plist>";
    put_manifest(&*world.repository, &acme.tenant, "lab", manifest).unwrap();
    assert!(world.get(&acme, "manifests/lab").await.is_some());
    assert_eq!(world.get(&beta, "manifests/lab").await, None);
    let slug = &acme.tenant.slug;
    for path in [
        format!("manifests/{slug}"),
        format!("manifests/{slug}/lab"),
        format!("manifests/../../{slug}/manifests/lab"),
        format!("manifests/%2e%2e%2f%2e%2e%2f{slug}%2fmanifests%2flab"),
    ] {
        assert_eq!(world.get(&beta, &path).await, None, "{path}");
    }
    let own = format!("/{slug}/manifests/lab");
    assert!(world.is_locked(&own, Some(&basic(&beta))).await);
    assert_eq!(
        manifest_names(&*world.repository, &acme.tenant).unwrap(),
        ["lab"]
    );
    assert_eq!(
        manifest_names(&*world.repository, &beta.tenant).unwrap(),
        [""; 0]
    );
    remove_manifest(&*world.repository, &acme.tenant, "lab").unwrap();
    assert_eq!(world.get(&acme, "manifests/lab").await, None);
    for (name, contents) in [
        ("../x", &manifest[..]),
        ("a/b", manifest),
        (".x", manifest),
        ("", manifest),
        ("x", b"no property list"),
        ("x", b"<plist><array/></plist>"),
    ] {
        put_manifest(&*world.repository, &acme.tenant, name, contents).unwrap_err();
    }
}

#[tokio::test]
async fn there_is_always_a_manifest_for_every_mac() {
    let world = World::new().await;
    let acme = world.make("Acme", None).await;
    let made = world.get(&acme, "manifests/site_default").await.unwrap();
    assert!(made.contains("<string>production</string>"), "{made}");
    let own = "<plist><dict><key>catalogs</key><array/></dict></plist>";
    put_manifest(
        &*world.repository,
        &acme.tenant,
        "site_default",
        own.as_bytes(),
    )
    .unwrap();
    assert_eq!(
        world.get(&acme, "manifests/site_default").await.unwrap(),
        own
    );
}

#[tokio::test]
async fn nothing_opens_a_view_but_its_credential() {
    let world = World::new().await;
    let (acme, beta) = (
        world.make("Acme", None).await,
        world.make("Beta", None).await,
    );
    let path = format!("/{}/catalogs/production", acme.tenant.slug);
    let good = basic(&acme);
    let encoded = acme.credential.basic();
    let (user, password) = (&acme.credential.user, acme.credential.password.expose());
    let pair = |user: &str, password: &str| {
        format!("Basic {}", STANDARD.encode(format!("{user}:{password}")))
    };
    assert!(!world.is_locked(&path, Some(&good)).await);
    let lower = format!("basic {}", encoded.expose());
    assert!(!world.is_locked(&path, Some(&lower)).await);
    for wrong in [
        String::new(),
        "Basic".to_owned(),
        "Basic ".to_owned(),
        basic(&beta),
        pair(user, ""),
        pair("", password),
        pair(password, user),
        pair(user, "guessed"),
        format!("Bearer {}", encoded.expose()),
        format!("{good}x"),
        format!("Basic {user}:{password}"),
        acme.token.expose().clone(),
    ] {
        assert!(world.is_locked(&path, Some(&wrong)).await, "{wrong}");
    }
    assert!(world.is_locked(&path, None).await);
    for path in [
        "/",
        "//",
        "",
        "/catalogs/production",
        "/AAAAAAAAAAAAAAAA/catalogs/production",
        &format!("//{}/catalogs/production", acme.tenant.slug),
        &format!("/%2e/{}/catalogs/production", acme.tenant.slug),
        &format!(
            "/{}/catalogs/production",
            acme.tenant.slug.to_lowercase() + "x"
        ),
    ] {
        assert!(world.is_locked(path, Some(&good)).await, "{path}");
    }
}

#[tokio::test]
async fn credentials_overlap_and_a_suspended_tenant_is_out_at_once() {
    let world = World::new().await;
    let acme = world.make("Acme", None).await;
    let path = format!("/{}/catalogs/production", acme.tenant.slug);
    let day = Duration::from_hours(24);
    let new = world.tenants.rotate_credential("Acme", day).await.unwrap();
    let new = format!("Basic {}", new.basic().expose());
    for good in [&new, &basic(&acme)] {
        assert!(!world.is_locked(&path, Some(good)).await);
    }
    world.clock.advance(day);
    assert!(world.is_locked(&path, Some(&basic(&acme))).await);
    assert!(!world.is_locked(&path, Some(&new)).await);
    world.tenants.suspend("Acme").await.unwrap();
    assert!(world.is_locked(&path, Some(&new)).await);
    world.tenants.resume("Acme").await.unwrap();
    assert!(!world.is_locked(&path, Some(&new)).await);
    world.tenants.delete("Acme").await.unwrap();
    assert!(world.is_locked(&path, Some(&new)).await);
}

#[tokio::test]
async fn links_lead_nowhere() {
    let world = World::new().await;
    let acme = world.make("Acme", None).await;
    let secret = world.folder.path().join("secret");
    fs_err::write(&secret, "secret").unwrap();
    let root = world.root();
    let package = root.join("pkgs/apps/Widget-1.0.pkg");
    fs_err::remove_file(&package).unwrap();
    for (target, link) in [
        (secret.as_path(), package.as_path()),
        (secret.as_path(), &root.join("client_resources/out.zip")),
        (Path::new("/"), &root.join("client_resources/root")),
        (
            Path::new("nowhere"),
            &root.join("client_resources/nowhere.zip"),
        ),
    ] {
        symlink(target, link).unwrap();
    }
    for path in [
        "pkgs/apps/Widget-1.0.pkg",
        "client_resources/out.zip",
        "client_resources/root",
        "client_resources/nowhere.zip",
    ] {
        assert_eq!(world.get(&acme, path).await, None, "{path}");
    }
}

#[tokio::test]
async fn what_is_remembered_ends_with_the_change() {
    let world = World::new().await;
    let acme = world.make("Acme", None).await;
    let path = format!("/{}/catalogs/production", acme.tenant.slug);
    let old = basic(&acme);
    // The second time it is remembered.
    for _ in 0..2 {
        assert!(!world.is_locked(&path, Some(&old)).await);
    }
    // Only for that credential, and that view.
    assert!(
        world
            .is_locked(&path, Some("Basic bm9ib2R5Om5vYm9keQ=="))
            .await
    );
    assert!(
        world
            .is_locked("/other/catalogs/production", Some(&old))
            .await
    );
    world.tenants.suspend("Acme").await.unwrap();
    assert!(world.is_locked(&path, Some(&old)).await);
    world.tenants.resume("Acme").await.unwrap();
    assert!(!world.is_locked(&path, Some(&old)).await);
    // Of two credentials the older one ends by the clock: nothing changes in the state at that moment.
    let overlap = Duration::from_hours(1);
    let new = world
        .tenants
        .rotate_credential("Acme", overlap)
        .await
        .unwrap();
    let new = format!("Basic {}", new.basic().expose());
    for _ in 0..2 {
        assert!(!world.is_locked(&path, Some(&old)).await);
        assert!(!world.is_locked(&path, Some(&new)).await);
    }
    world.clock.advance(overlap);
    assert!(world.is_locked(&path, Some(&old)).await);
    assert!(!world.is_locked(&path, Some(&new)).await);
}

#[tokio::test]
async fn nobody_is_let_in_by_an_answer_from_before() {
    let world = World::new().await;
    let acme = world.make("Acme", None).await;
    let path = format!("/{}/catalogs/production", acme.tenant.slug);
    let credential = basic(&acme);
    for round in 0..20 {
        // Some are under way all the time, whose questions the one that counts must not share.
        let crowd = (0..8).map(|_| {
            let (pods, path, credential) = (world.pods.clone(), path.clone(), credential.clone());
            tokio::spawn(async move {
                for _ in 0..20 {
                    pods.enter(&path, Some(credential.as_bytes()))
                        .await
                        .unwrap();
                }
            })
        });
        let crowd: Vec<_> = crowd.collect();
        world.tenants.suspend("Acme").await.unwrap();
        assert!(world.is_locked(&path, Some(&credential)).await, "{round}");
        world.tenants.resume("Acme").await.unwrap();
        assert!(!world.is_locked(&path, Some(&credential)).await, "{round}");
        for one in crowd {
            one.await.unwrap();
        }
    }
}
