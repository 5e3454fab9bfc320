//! Several services on one PostgreSQL server and one object store, which are killed, paused and cut off while they work.
//!
//! They need the tests' PostgreSQL server: without it they say that they are skipped.

use std::{
    collections::BTreeMap,
    path::PathBuf,
    process::Stdio,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use testkit::{
    s3::{BUCKET, KEY_ID, S3Server, SECRET},
    vendor::Resource,
};
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, UnixStream},
    process::Child,
};
use tokio_util::sync::CancellationToken;

use crate::small::Small;

/// How many titles there are, each with one release.
const TITLES: usize = 24;
/// The same where tests may take long.
const MANY_TITLES: usize = 2_000;

/// How long a worker may be silent before others take over, in seconds.
const LEASE: u64 = 4;

/// Stands between a service and the database server, and cuts the line when it is told to.
struct Line {
    port: u16,
    is_cut: Arc<AtomicBool>,
    cut: Arc<std::sync::Mutex<CancellationToken>>,
}

impl Line {
    /// To the socket of the server at `address`.
    async fn to(address: &str) -> Self {
        let (_, folder) = address.split_once("host=").unwrap();
        let socket = PathBuf::from(folder).join(".s.PGSQL.5432");
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let line = Self {
            port: listener.local_addr().unwrap().port(),
            is_cut: Arc::default(),
            cut: Arc::default(),
        };
        let (is_cut, cut) = (Arc::clone(&line.is_cut), Arc::clone(&line.cut));
        tokio::spawn(async move {
            while let Ok((mut client, _)) = listener.accept().await {
                if is_cut.load(Ordering::SeqCst) {
                    continue;
                }
                let (socket, cut) = (socket.clone(), cut.lock().unwrap().clone());
                tokio::spawn(async move {
                    let mut server = UnixStream::connect(socket).await.unwrap();
                    tokio::select! {
                        () = cut.cancelled() => {}
                        _ended = copy_bidirectional(&mut client, &mut server) => {}
                    }
                });
            }
        });
        line
    }

    fn cut(&self) {
        self.is_cut.store(true, Ordering::SeqCst);
        std::mem::take(&mut *self.cut.lock().unwrap()).cancel();
    }

    fn mend(&self) {
        self.is_cut.store(false, Ordering::SeqCst);
    }
}

/// A service of the cluster.
struct NodeOf<'a> {
    small: &'a Small,
    name: &'static str,
    line: Line,
    serving: Option<Child>,
}

impl<'a> NodeOf<'a> {
    async fn begin(small: &'a Small, name: &'static str, repository: &str, database: &str) -> Self {
        let house = &small.house;
        let config = fs_err::read_to_string(house.config_file()).unwrap();
        let listen = config.lines().find(|line| line.starts_with("listen"));
        let config = config
            .replace(
                "state-dir = \"var\"",
                &format!(
                    "state-dir = \"{name}\"\nnode = \"{name}\"\n[evidence]\nkey = \"var/keys/evidence.pem\"\n\
                     [tuf]\nenabled = false"
                ),
            )
            .replace("path = \"var/repo\"", repository)
            .replace(listen.unwrap(), "listen = \"127.0.0.1:0\"\ngrace-seconds = 5")
            .replace("workers = 2", &format!("workers = 2\nlease-seconds = {LEASE}"));
        fs_err::write(house.root().join(format!("{name}.toml")), config).unwrap();
        let mut node = Self {
            line: Line::to(database).await,
            small,
            name,
            serving: None,
        };
        node.start();
        node
    }

    fn start(&mut self) {
        let house = &self.small.house;
        let log = fs_err::OpenOptions::new()
            .create(true)
            .append(true)
            .open(house.root().join(format!("{}.log", self.name)))
            .unwrap();
        let port = self.line.port;
        let address = format!("postgres://postgres@127.0.0.1:{port}/postgres?sslmode=disable");
        let mut command = house.program().command(&["serve"]);
        command
            .env("AUTO_UPDATE_CONFIG", format!("{}.toml", self.name))
            .env("AUTO_UPDATE_DATABASE_URL", address)
            .stdout(Stdio::null())
            .stderr(log.into_parts().0);
        self.serving = Some(command.spawn().unwrap());
    }

    fn signal(&self, name: &str) {
        let child = self.serving.as_ref().and_then(Child::id);
        let Some(number) = child else { return };
        let sent = std::process::Command::new("kill")
            .args([name, &number.to_string()])
            .status();
        assert!(sent.unwrap().success());
    }

    async fn killed(&mut self) {
        if let Some(mut serving) = self.serving.take() {
            serving.kill().await.unwrap();
        }
        self.start();
    }

    async fn paused(&self) {
        self.signal("-STOP");
        tokio::time::sleep(Duration::from_secs(LEASE + 2)).await;
        self.signal("-CONT");
    }

    async fn cut_off(&self) {
        self.line.cut();
        tokio::time::sleep(Duration::from_secs(LEASE + 2)).await;
        self.line.mend();
    }

    async fn stopped(&mut self) {
        self.signal("-TERM");
        if let Some(mut serving) = self.serving.take() {
            let ended = tokio::time::timeout(Duration::from_mins(1), serving.wait()).await;
            let ended = ended.unwrap().unwrap();
            assert!(ended.success(), "{} ended with {ended}", self.name);
        }
    }
}

/// Writes a recipe, an override and a release for each title.
fn furnish(small: &Small, titles: &[String]) {
    let house = &small.house;
    for title in titles {
        let version = "1.0";
        let package = testkit::package::component(
            &format!("com.example.{title}"),
            version,
            &[(&format!("usr/local/{title}"), title.as_bytes())],
        )
        .unwrap();
        let path = format!("/{title}.pkg");
        house.vendor.put(&path, Resource::file(package));
        let url = house.vendor.url(&path);
        let recipe = format!(
            "Identifier: com.example.munki.{title}\n\
             Input: {{NAME: {title}, pkginfo: {{name: '%NAME%', catalogs: [testing]}}}}\n\
             Process:\n\
             - {{Processor: URLDownloader, Arguments: {{url: '{url}', filename: '{title}.pkg'}}}}\n\
             - {{Processor: MunkiImporter, Arguments: {{pkg_path: '%pathname%', repo_subdirectory: apps}}}}\n"
        );
        let ours = format!(
            "Identifier: local.munki.{title}\nParentRecipe: com.example.munki.{title}\nInput: {{NAME: {title}}}\n"
        );
        let file = format!("{title}.munki.recipe.yaml");
        fs_err::write(house.recipes().join(&file), recipe).unwrap();
        fs_err::write(house.overrides().join(&file), ours).unwrap();
    }
}

/// How the runs stand, and how many there are of each title.
async fn runs(small: &Small) -> (BTreeMap<String, usize>, BTreeMap<String, usize>) {
    let (mut states, mut titles) = (BTreeMap::new(), BTreeMap::new());
    let listed = small
        .expect(&["runs", "list", "-n", "100000", "--json"], 0)
        .await;
    for line in listed.lines() {
        let run: serde_json::Value = serde_json::from_str(line).unwrap();
        let word = |key: &str| run[key].as_str().unwrap().to_owned();
        *states.entry(word("state")).or_default() += 1;
        *titles.entry(word("title")).or_default() += 1;
    }
    (states, titles)
}

/// Something happens to a service every few seconds, in turn, until every run has ended.
async fn until_all_ended(small: &Small, nodes: &mut [NodeOf<'_>], expected: usize) -> usize {
    let longest = Duration::from_secs(120 + 4 * u64::try_from(expected).unwrap());
    // A few titles are over soon.
    let pause = Duration::from_secs(if expected > TITLES { 10 } else { 3 });
    let begun = Instant::now();
    for incident in 0.. {
        let (states, _) = runs(small).await;
        let ended = ["published", "unchanged", "failed", "held", "cancelled"];
        let ended: usize = ended.iter().filter_map(|state| states.get(*state)).sum();
        if ended == expected {
            return incident;
        }
        assert!(begun.elapsed() < longest, "{states:?} after {longest:?}");
        let node = &mut nodes[incident % 3];
        match incident / 3 % 3 {
            0 => node.killed().await,
            1 => node.paused().await,
            _ => node.cut_off().await,
        }
        tokio::time::sleep(pause).await;
    }
    unreachable!("the loop has no end of its own")
}

/// Does something with all overrides at once.
async fn of_all(small: &Small, verb: &[&str], titles: &[String]) {
    let overrides: Vec<String> = titles.iter().map(|it| format!("{it}.munki")).collect();
    let verb = verb.iter().copied();
    let words: Vec<&str> = verb.chain(overrides.iter().map(String::as_str)).collect();
    small.expect(&words, 0).await;
}

/// Three services on one repository in the store, at which the verbs of the test look, too.
async fn begin_all<'a>(small: &'a Small, server: &S3Server, database: &str) -> Vec<NodeOf<'a>> {
    let house = &small.house;
    fs_err::write(house.root().join("s3-key"), SECRET).unwrap();
    let repository = format!(
        "url = \"s3://{BUCKET}/central\"\nendpoint = \"{}\"\nregion = \"eu-central-1\"\n\
         access-key-id = \"{KEY_ID}\"\nsecret-key-file = \"s3-key\"",
        server.endpoint()
    );
    let config = fs_err::read_to_string(house.config_file()).unwrap();
    let mut nodes = Vec::new();
    for name in ["one", "two", "three"] {
        nodes.push(NodeOf::begin(small, name, &repository, database).await);
    }
    let config = config.replace("path = \"var/repo\"", &repository);
    fs_err::write(house.config_file(), config).unwrap();
    nodes
}

#[tokio::test(flavor = "multi_thread")]
async fn three_services_end_every_run_once_while_they_are_killed_paused_and_cut_off() {
    let Ok(database) = std::env::var(testkit::SERVER) else {
        eprintln!("skipped: the tests were given no PostgreSQL server");
        return;
    };
    let Some(server) = S3Server::start().unwrap() else {
        eprintln!("skipped: no Python has moto");
        return;
    };
    let Some(small) = Small::stand().await else {
        return;
    };
    let is_long = std::env::var_os("AUTO_UPDATE_LONG_TESTS").is_some();
    let count = if is_long { MANY_TITLES } else { TITLES };
    let titles: Vec<String> = (0..count)
        .map(|number| format!("Title{number:04}"))
        .collect();
    furnish(&small, &titles);
    for verb in [&["update-trust-info"][..], &["trust", "approve"]] {
        of_all(&small, verb, &titles).await;
    }
    let mut nodes = begin_all(&small, &server, &database).await;

    let begun = Instant::now();
    of_all(&small, &["runs", "queue"], &titles).await;
    let incidents = until_all_ended(&small, &mut nodes, count).await;
    let took = begun.elapsed();
    for node in &mut nodes {
        node.stopped().await;
    }

    let (states, by_title) = runs(&small).await;
    assert_eq!(states.get("published"), Some(&count), "{states:?}");
    assert!(by_title.values().all(|runs| *runs == 1), "{by_title:?}");
    let checked = small.expect(&["munki", "check", "--json"], 0).await;
    assert!(
        checked.contains(&format!("\"pkginfos\":{count}")),
        "{checked}"
    );
    assert!(checked.contains("\"sound\":true"), "{checked}");
    let log = small.expect(&["evidence", "log", "--json"], 0).await;
    assert_eq!(
        log.lines().count(),
        count,
        "each publication stands in the log once"
    );
    let open = small.expect(&["incident", "list", "--json"], 0).await;
    assert_eq!(open, "", "nothing failed");
    eprintln!(
        "cluster: {count} runs of three services published once each in {took:.0?}, \
         while {incidents} times one was killed, paused or cut off"
    );
}
