//! The repository lies in an object store.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use publication::{
    Held, Kind, Locks, ObjectRepository, ObjectSettings, Repository as _, RepositoryError,
};
use testkit::{
    house::RepositoryView,
    s3::{BUCKET, KEY_ID, S3Server, SECRET},
    vendor::Resource,
};

use crate::small::{IMAGE, Small, TITLE};

/// For who only reads.
#[derive(Debug)]
struct Unlocked;

impl Locks for Unlocked {
    fn wait(&self) -> Result<Box<dyn Held + '_>, RepositoryError> {
        Err(RepositoryError::LockLost)
    }
}

/// A house whose repository is in a bucket.
struct Stored {
    small: Small,
    server: S3Server,
}

impl Stored {
    async fn stand() -> Option<Self> {
        let Some(server) = S3Server::start().unwrap() else {
            eprintln!("skipped: no Python has moto");
            return None;
        };
        let small = Small::stand().await?;
        let house = &small.house;
        fs_err::write(house.root().join("s3-key"), SECRET).unwrap();
        let section = format!(
            "url = \"s3://{BUCKET}/central\"\nendpoint = \"{}\"\nregion = \"eu-central-1\"\n\
             access-key-id = \"{KEY_ID}\"\nsecret-key-file = \"s3-key\"",
            server.endpoint()
        );
        let config = fs_err::read_to_string(house.config_file()).unwrap();
        let config = config.replace("path = \"var/repo\"", &section);
        fs_err::write(house.config_file(), config).unwrap();
        Some(Self { small, server })
    }

    /// What a client is offered at this moment, which must be there.
    async fn offered(&self) -> RepositoryView {
        let endpoint = self.server.endpoint().to_owned();
        let folder = tempfile::tempdir().unwrap();
        let copy = folder.path().to_owned();
        tokio::task::spawn_blocking(move || download(&endpoint, &copy))
            .await
            .unwrap();
        RepositoryView::offered(folder.path()).unwrap()
    }

    /// That the program itself finds so many items, and nothing wrong.
    async fn expect_sound(&self, items: usize) {
        let checked = self.small.expect(&["munki", "check", "--json"], 0).await;
        let (pkginfos, pkgs) = (format!("\"pkginfos\":{items}"), format!("\"pkgs\":{items}"));
        assert!(
            checked.contains("\"sound\":true")
                && checked.contains(&pkginfos)
                && checked.contains(&pkgs),
            "{checked}"
        );
        let repairs = self.small.expect(&["munki", "repair"], 0).await;
        assert_eq!(repairs, "");
        let log = self.small.expect(&["evidence", "log", "--json"], 0).await;
        assert_eq!(log.lines().count(), items, "{log}");
    }
}

fn download(endpoint: &str, to: &Path) {
    let settings = ObjectSettings {
        address: format!("s3://{BUCKET}/central").parse().unwrap(),
        endpoint: Some(endpoint.to_owned()),
        region: None,
        virtual_hosted: false,
        access_key_id: Some(KEY_ID.to_owned()),
        secret: Some(redact::Secret::new(SECRET.to_owned())),
    };
    let repository = ObjectRepository::connect(&settings, Arc::new(Unlocked)).unwrap();
    // Catalogs first: what they name is there already.
    for kind in [Kind::Catalogs, Kind::Pkgs] {
        for location in repository.list(kind).unwrap() {
            let path = to.join(kind.as_str()).join(&location);
            fs_err::create_dir_all(path.parent().unwrap()).unwrap();
            fs_err::write(path, repository.get(kind, &location).unwrap()).unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn runs_publish_to_an_object_store_and_survive_crashes_there() {
    let Some(stored) = Stored::stand().await else {
        return;
    };
    let small = &stored.small;
    let shown = small.expect(&["config", "check"], 0).await;
    assert!(shown.contains("s3://munki/central") && !shown.contains(SECRET));
    for (items, point) in ["placed-pkgs", "placed-catalogs"].into_iter().enumerate() {
        small.release(&format!("1.{}", items + 10));
        let abort = [("AUTO_UPDATE_ABORT_AT", point)];
        let program = small.house.program();
        let killed = program.run_with(&["run", TITLE], &abort).await.unwrap();
        killed.expect_killed().unwrap();
        stored.offered().await;
        small.expect(&["run", TITLE], 0).await;
        assert_eq!(stored.offered().await.published().len(), items + 1);
        stored.expect_sound(items + 1).await;
    }
    // Two that write wait for each other.
    small.release("1.20");
    let (run, made) = tokio::join!(
        small.expect(&["run", TITLE], 0),
        small.expect(&["munki", "makecatalogs"], 0)
    );
    assert!(!run.contains(SECRET) && !made.contains(SECRET));
    stored.expect_sound(3).await;
    // Nothing went to the folder, which was made before the house was told of the bucket.
    assert_eq!(small.house.view().unwrap().of_kind("pkgs").count(), 0);
}

const POD: &str = "pods.example.com";

/// What a tenant's Mac gets from its pod, by curl: the status and the bytes.
struct Mac {
    port: u16,
    certificate: PathBuf,
    slug: String,
    pair: String,
}

impl Mac {
    fn get(&self, path: &str, more: &[&str]) -> (u16, Vec<u8>) {
        let (port, slug) = (self.port, &self.slug);
        let output = std::process::Command::new("curl")
            .args(["--silent", "--path-as-is", "--noproxy", "*", "--cacert"])
            .arg(&self.certificate)
            .args(["--resolve", &format!("{POD}:{port}:127.0.0.1")])
            .args(["--max-time", "30", "--user", &self.pair])
            .args(["--write-out", "%{stderr}%{http_code}"])
            .args(more)
            .arg(format!("https://{POD}:{port}/{slug}/{path}"))
            .output()
            .unwrap();
        let status = String::from_utf8(output.stderr).unwrap();
        (status.parse().unwrap_or(0), output.stdout)
    }
}

/// Has the house serve its pods, and makes a tenant of its first ring.
async fn furnish_pods(stored: &Stored) -> Mac {
    let house = &stored.small.house;
    let issued = testkit::tls::self_signed(POD, "pods").unwrap();
    let certificate = house.root().join("pod.pem");
    fs_err::write(&certificate, issued.certificate).unwrap();
    fs_err::write(house.root().join("pod.key"), issued.key).unwrap();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let config = fs_err::read_to_string(house.config_file()).unwrap();
    let pods = format!(
        "\n[pods]\nlisten = '127.0.0.1:{port}'\nurl = 'https://{POD}'\n\
         certificate = 'pod.pem'\nkey = 'pod.key'\n"
    );
    fs_err::write(house.config_file(), config + &pods).unwrap();
    let create = ["tenant", "create", "Acme", "--ring", "testing"];
    let create = [&create[..], &["--by", "kim", "--json"]].concat();
    let made = stored.small.expect(&create, 0).await;
    let made: serde_json::Value = serde_json::from_str(&made).unwrap();
    let text = |key: &str| made[key].as_str().unwrap().to_owned();
    Mac {
        port,
        certificate,
        slug: text("slug"),
        pair: format!("{}:{}", text("user"), text("password")),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pods_serve_from_an_object_store() {
    let Some(stored) = Stored::stand().await else {
        return;
    };
    let small = &stored.small;
    let image = small.image("1.0");
    let released = Resource::file(image.clone());
    small.house.vendor.put(IMAGE, released);
    small.expect(&["run", TITLE], 0).await;
    let mac = furnish_pods(&stored).await;
    let mut service = small.house.program().command(&["serve"]).spawn().unwrap();
    let catalog = tokio::time::timeout(Duration::from_mins(1), async {
        loop {
            match mac.get("catalogs/testing", &[]) {
                (200, catalog) => return String::from_utf8(catalog).unwrap(),
                (status, _) => assert_eq!(status, 0, "it answers otherwise"),
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    });
    let catalog = catalog.await.unwrap();
    let (_, location) = catalog
        .split_once("<key>installer_item_location</key>")
        .unwrap();
    let location = location.split(['<', '>']).nth(2).unwrap();
    let package = format!("pkgs/{location}");
    assert!(mac.get(&package, &[]) == (200, image.clone()));
    let part = mac.get(&package, &["--range", "100-299"]);
    assert!(part == (206, image[100..300].to_vec()), "{part:?}");
    let (status, whole) = mac.get(&package, &["--header", "If-Range: \"x\"", "--range", "0-9"]);
    assert_eq!((status, whole.len()), (200, image.len()));
    for hidden in ["catalogs/production", "pkgs/apps/other.dmg", "pkgsinfo/x"] {
        assert_eq!(mac.get(hidden, &[]).0, 404, "{hidden}");
    }
    small.expect(&["tenant", "suspend", "Acme"], 0).await;
    assert_eq!(mac.get(&package, &[]).0, 401);
    service.kill().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bucket_that_is_not_there_is_told_before_anything_runs() {
    let Some(stored) = Stored::stand().await else {
        return;
    };
    let file = stored.small.house.config_file();
    let config = fs_err::read_to_string(&file).unwrap();
    fs_err::write(&file, config.replace("s3://munki/", "s3://elsewhere/")).unwrap();
    let program = stored.small.house.program();
    let finished = program.run(&["run", TITLE]).await.unwrap();
    let told = &finished.stderr;
    assert!(
        told.contains("section `repository`") && told.contains("NoSuchBucket"),
        "{told}"
    );
    assert!(!told.contains(SECRET), "{told}");
}
