use std::{net::IpAddr, sync::Arc, time::Duration};

use model::{Clock as _, FixedClock, Sha256, Timestamp};
use publication::{FolderRepository, Kind};
use redact::Secret;
use store::{Db, Passage, RingStay, Tenant};

use super::{Access, Attempt, Catalogue, Reader, Session, Wanted};
use crate::{
    NewTenant, TenancyError, Tenants, Vault,
    administration::{Entry, Refusal},
};

struct World {
    _folder: tempfile::TempDir,
    clock: Arc<FixedClock>,
    db: Db,
    tenants: Tenants,
    access: Access,
    catalogue: Catalogue,
}

fn item(name: &str, version: &str, catalogs: &str, more: &str) -> String {
    format!(
        "<dict><key>name</key><string>{name}</string><key>version</key><string>{version}</string>\
         <key>catalogs</key><array>{catalogs}</array>\
         <key>installer_item_location</key><string>apps/{name}-{version}.pkg</string>\
         <key>installer_item_hash</key><string>{}</string>\
         <key>installer_item_size</key><integer>2048</integer>{more}</dict>",
        Sha256::of(version.as_bytes())
    )
}

const BOTH: &str = "<string>testing</string><string>production</string>";

impl World {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(FixedClock::at(Timestamp::from_secs(1_800_000_000)));
        let db = testkit::database(&folder.path().join("auto-update.db")).await;
        let vault = Vault::in_folder(&folder.path().join("keys"));
        let rings = ["testing", "production"].map(str::to_owned).to_vec();
        let tenants = Tenants::new(db.clone(), vault, clock.clone(), rings.clone());
        let root = folder.path().join("repo");
        let repository = Arc::new(FolderRepository::create(&root).unwrap());
        let said = "<key>display_name</key><string>A Widget</string>\
                    <key>description</key><string>Turns things</string>\
                    <key>category</key><string>Tools</string>\
                    <key>minimum_os_version</key><string>13.0</string>";
        let plist = |items: &[String]| format!("<plist><array>{}</array></plist>", items.concat());
        let widget = |version| item("Widget", version, BOTH, said);
        let gadget = item("Gadget", "1.0", BOTH, "");
        let next = item("Widget", "1.10", "<string>testing</string>", said);
        for (path, contents) in [
            (
                "catalogs/testing",
                plist(&[widget("1.9"), next, gadget.clone()]),
            ),
            ("catalogs/production", plist(&[widget("1.9"), gadget])),
            ("icons/Widget.png", "w".to_owned()),
            (
                "icons/_icon_hashes.plist",
                "<plist><dict><key>Widget.png</key><string>x</string></dict></plist>".to_owned(),
            ),
            ("evidence/apps/Widget-1.9.pkg.intoto.jsonl", "{}".to_owned()),
            (
                "evidence/apps/Widget-1.10.pkg.intoto.jsonl",
                "{}".to_owned(),
            ),
        ] {
            let path = root.join(path);
            fs_err::create_dir_all(path.parent().unwrap()).unwrap();
            fs_err::write(path, contents).unwrap();
        }
        Self {
            access: tenants.catalogue(),
            catalogue: Catalogue::new(db.clone(), repository, rings),
            _folder: folder,
            clock,
            db,
            tenants,
        }
    }

    async fn tenant(&self, customer: &str, ring: &str, items: &[&str]) -> Tenant {
        let new = NewTenant {
            customer: customer.to_owned(),
            ring: ring.to_owned(),
            entitled: (!items.is_empty())
                .then(|| items.iter().map(|it| (*it).to_owned()).collect()),
            by: "kim".to_owned(),
        };
        self.tenants.create(new).await.unwrap().tenant
    }

    async fn try_to_enter(&self, customer: &str, code: &Secret<String>) -> Entry {
        let attempt = Attempt {
            customer: customer.to_owned(),
            code: code.clone(),
            address: IpAddr::from([192, 0, 2, 1]),
        };
        self.access.sign_in(attempt).await.unwrap()
    }

    async fn enter(&self, tenant: &Tenant) -> (Secret<String>, Session) {
        let code = self.access.give(tenant, "kim").await.unwrap();
        let Entry::Welcome(cookie) = self.try_to_enter(&tenant.customer, &code).await else {
            panic!("{} is not let in", tenant.customer);
        };
        let session = self.access.session(&cookie).await.unwrap().unwrap();
        (cookie, session)
    }

    async fn note(&self, (name, version, catalog): (&str, &str, &str), left: Option<Passage>) {
        let stay = RingStay {
            pkginfo: format!("apps/{name}-{version}.plist"),
            name: name.to_owned(),
            version: version.to_owned(),
            catalog: catalog.to_owned(),
            entered: self.passage(),
            left,
        };
        self.db.ring_stay_note(&[stay]).await.unwrap();
        self.clock.advance(Duration::from_hours(1));
    }

    fn passage(&self) -> Passage {
        Passage {
            at: self.clock.now(),
            why: "promoted".to_owned(),
            by: None,
        }
    }

    async fn names(&self, reader: &Reader) -> Vec<(String, Vec<String>)> {
        let titles = self.catalogue.titles(reader).await.unwrap();
        let versions = |title: &super::Title| {
            let versions = title.versions.iter();
            versions.map(|it| it.version.clone()).collect()
        };
        let titles = titles.iter();
        titles.map(|it| (it.name.clone(), versions(it))).collect()
    }
}

fn told(names: &[(&str, &[&str])]) -> Vec<(String, Vec<String>)> {
    let owned = |texts: &[&str]| texts.iter().map(|it| (*it).to_owned()).collect();
    names
        .iter()
        .map(|(name, versions)| ((*name).to_owned(), owned(versions)))
        .collect()
}

#[tokio::test]
async fn each_tenant_sees_its_ring_and_its_titles_and_nothing_else() {
    let world = World::new().await;
    let acme = world.tenant("Acme", "testing", &["Widget"]).await;
    let bolt = world.tenant("Bolt", "production", &[]).await;
    let (_, acme) = world.enter(&acme).await;
    let (_, bolt) = world.enter(&bolt).await;
    let (acme, bolt) = (acme.reader, bolt.reader);
    let seen = world.names(&acme).await;
    assert_eq!(seen, told(&[("Widget", &["1.10", "1.9"])]));
    let seen = world.names(&bolt).await;
    assert_eq!(seen, told(&[("Widget", &["1.9"]), ("Gadget", &["1.0"])]));

    let catalogue = &world.catalogue;
    assert_eq!(catalogue.details(&acme, "Gadget").await.unwrap(), None);
    let later = "apps/Widget-1.10.pkg.intoto.jsonl";
    for (reader, kind, location, is_there) in [
        (&acme, Kind::Evidence, later, true),
        (&bolt, Kind::Evidence, later, false),
        (
            &bolt,
            Kind::Evidence,
            "apps/Widget-1.9.pkg.intoto.jsonl",
            true,
        ),
        (
            &bolt,
            Kind::Evidence,
            "../evidence/apps/Widget-1.9.pkg.intoto.jsonl",
            false,
        ),
        (&bolt, Kind::Icons, "Widget.png", true),
        (&bolt, Kind::Icons, "Other.png", false),
        (&bolt, Kind::Pkgsinfo, "apps/Widget-1.9.plist", false),
    ] {
        let found = catalogue.contents(reader, kind, location).await.unwrap();
        assert_eq!(found.is_some(), is_there, "{location}");
    }
    // What it may have no more is gone with the next look.
    let only = Some(vec!["Gadget".to_owned()]);
    let tenant = world.tenants.entitle("Bolt", only).await.unwrap();
    let bolt = Reader { tenant, ..bolt };
    assert_eq!(world.names(&bolt).await, told(&[("Gadget", &["1.0"])]));
}

#[tokio::test]
async fn a_title_is_told_with_all_that_is_known_of_it() {
    let world = World::new().await;
    let left = |world: &World| Some(world.passage());
    world.note(("Widget", "1.8", "production"), None).await;
    let acme = world.tenant("Acme", "production", &[]).await;
    let (_, session) = world.enter(&acme).await;
    let reader = session.reader;
    let joined = world.clock.now();
    world.clock.advance(Duration::from_hours(1));
    world.note(("Widget", "1.7", "testing"), None).await;
    let came = world.clock.now();
    world.note(("Widget", "1.9", "production"), None).await;
    let went = world.clock.now();
    world
        .note(("Widget", "1.8", "production"), left(&world))
        .await;

    let details = world.catalogue.details(&reader, "Widget").await.unwrap();
    let details = details.unwrap();
    let title = &details.title;
    assert_eq!(
        (title.display_name.as_str(), title.icon.as_deref()),
        ("A Widget", Some("Widget.png"))
    );
    let newest = title.newest().unwrap();
    assert_eq!(newest.rings, ["testing", "production"]);
    assert_eq!(newest.size_bytes, Some(2 << 20));
    assert_eq!(newest.minimum_os.as_deref(), Some("13.0"));
    let known = &details.versions[0];
    assert_eq!(known.since, Some(came));
    assert_eq!(known.evidence, ["apps/Widget-1.9.pkg.intoto.jsonl"]);
    assert_eq!((known.signers.len(), &known.scan), (0, &None));
    // What was there before the tenant was is told from when the tenant was; another ring is not told at all.
    let history: Vec<_> = details
        .history
        .iter()
        .map(|stay| (stay.version.as_str(), stay.from, stay.until))
        .collect();
    assert_eq!(history, [("1.9", came, None), ("1.8", joined, Some(went))]);

    let news = world.catalogue.news(&reader).await.unwrap();
    let news: Vec<_> = news
        .iter()
        .map(|it| (&*it.version.version, it.at))
        .collect();
    assert_eq!(news, [("1.9", came)]);
}

#[tokio::test]
async fn titles_are_found_by_words_category_and_ring() {
    let world = World::new().await;
    let acme = world.tenant("Acme", "testing", &[]).await;
    let (_, session) = world.enter(&acme).await;
    let titles = world.catalogue.titles(&session.reader).await.unwrap();
    for (text, category, ring, expected) in [
        ("", "", "", "Widget Gadget"),
        ("THINGS wid", "", "", "Widget"),
        ("things nothing", "", "", ""),
        ("", "Tools", "", "Widget"),
        ("", "tools", "", ""),
        ("", "", "production", "Widget Gadget"),
        ("gadget", "", "testing", "Gadget"),
        ("", "", "lab", ""),
    ] {
        let wanted = Wanted {
            text: text.to_owned(),
            category: category.to_owned(),
            ring: ring.to_owned(),
        };
        let found = titles.iter().filter(|title| title.is(&wanted));
        let found: Vec<_> = found.map(|title| title.name.as_str()).collect();
        assert_eq!(found.join(" "), expected, "{wanted:?}");
    }
}

#[tokio::test]
async fn a_code_is_good_until_another_is_given_or_it_is_revoked() {
    let world = World::new().await;
    let acme = world.tenant("Acme", "testing", &[]).await;
    let none = Secret::new(String::new());
    let refused = |entry: Entry| match entry {
        Entry::Refused(refusal) => Some(refusal),
        _ => None,
    };
    let entry = world.try_to_enter("Acme", &none).await;
    assert_eq!(refused(entry), Some(Refusal::Unknown));
    let first = world.access.give(&acme, "kim").await.unwrap();
    let Entry::Welcome(cookie) = world.try_to_enter("Acme", &first).await else {
        panic!("the code is not taken");
    };
    let session = world.access.session(&cookie).await.unwrap().unwrap();
    assert!(session.is_form_token(session.form_token.expose()));
    assert!(!session.is_form_token(""));
    let feeds = world.access.open_feeds(&session).await.unwrap();
    let reader = world.access.feeds_of(&feeds).await.unwrap().unwrap();
    assert_eq!(reader, session.reader);
    // What opens feeds opens nothing else, and no session opens feeds.
    assert!(world.access.session(&feeds).await.unwrap().is_none());
    let entry = world.try_to_enter("Acme", &feeds).await;
    assert_eq!(refused(entry), Some(Refusal::Wrong));
    assert!(world.access.feeds_of(&cookie).await.unwrap().is_none());

    let second = world.access.give(&acme, "kim").await.unwrap();
    assert!(world.access.session(&cookie).await.unwrap().is_none());
    assert!(world.access.feeds_of(&feeds).await.unwrap().is_none());
    let entry = world.try_to_enter("Acme", &first).await;
    assert_eq!(refused(entry), Some(Refusal::Wrong));
    let Entry::Welcome(cookie) = world.try_to_enter("Acme", &second).await else {
        panic!("the code is not taken");
    };
    assert!(world.access.revoke(&acme).await.unwrap());
    assert!(!world.access.revoke(&acme).await.unwrap());
    assert!(world.access.session(&cookie).await.unwrap().is_none());
    let entry = world.try_to_enter("Acme", &second).await;
    assert_eq!(refused(entry), Some(Refusal::Unknown));
}

#[tokio::test]
async fn who_is_suspended_or_gone_is_out_at_once() {
    let world = World::new().await;
    let acme = world.tenant("Acme", "testing", &[]).await;
    let (cookie, session) = world.enter(&acme).await;
    let feeds = world.access.open_feeds(&session).await.unwrap();
    let suspended = world.tenants.suspend("Acme").await.unwrap();
    assert!(world.access.session(&cookie).await.unwrap().is_none());
    assert!(world.access.feeds_of(&feeds).await.unwrap().is_none());
    let given = world.access.give(&suspended, "kim").await;
    assert!(matches!(given, Err(TenancyError::Suspended { .. })));
    world.tenants.resume("Acme").await.unwrap();
    assert!(world.access.session(&cookie).await.unwrap().is_none());
    assert!(world.access.feeds_of(&feeds).await.unwrap().is_some());
    world.tenants.delete("Acme").await.unwrap();
    assert!(world.access.feeds_of(&feeds).await.unwrap().is_none());
    let access = world.db.catalogue_access_find(acme.id).await.unwrap();
    assert_eq!(access, None, "nothing of it is left");
}

#[tokio::test]
async fn guessing_locks_out_and_sessions_end() {
    let world = World::new().await;
    let acme = world.tenant("Acme", "testing", &[]).await;
    let code = world.access.give(&acme, "kim").await.unwrap();
    let wrong = Secret::new("guessed".to_owned());
    let mut refusals = Vec::new();
    for _ in 0..6 {
        if let Entry::Refused(refusal) = world.try_to_enter("Acme", &wrong).await {
            refusals.push(refusal);
        }
    }
    assert_eq!(
        refusals[3..],
        [Refusal::Wrong, Refusal::WrongAndLocked, Refusal::Locked]
    );
    let entry = world.try_to_enter("Acme", &code).await;
    assert!(matches!(entry, Entry::Refused(Refusal::Locked)));
    world.clock.advance(Duration::from_mins(16));
    let Entry::Welcome(cookie) = world.try_to_enter("Acme", &code).await else {
        panic!("the lock-out does not end");
    };
    world.clock.advance(Duration::from_mins(14));
    assert!(world.access.session(&cookie).await.unwrap().is_some());
    world.clock.advance(Duration::from_mins(14));
    assert!(world.access.session(&cookie).await.unwrap().is_some());
    world.clock.advance(Duration::from_mins(16));
    assert!(world.access.session(&cookie).await.unwrap().is_none());
    assert_eq!(world.access.forget_sessions().await.unwrap(), 1);
    let mut last = Entry::Refused(Refusal::Unknown);
    for _ in 0..21 {
        last = world.try_to_enter("Nobody", &wrong).await;
    }
    assert!(matches!(last, Entry::TooMany(_)));
}
