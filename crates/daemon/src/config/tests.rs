use std::ffi::OsString;

use model::FailureClass;

use super::*;

/// A folder with a configuration file and an environment.
struct Folder(tempfile::TempDir);

impl Folder {
    fn with(text: &str) -> Self {
        let folder = Self(tempfile::tempdir().unwrap());
        folder.write(CONFIG_FILE, text);
        folder
    }

    fn write(&self, name: &str, text: &str) {
        fs_err::write(self.0.path().join(name), text).unwrap();
    }

    fn load(&self) -> Result<Config, ConfigError> {
        self.load_with(&[])
    }

    fn load_with(&self, variables: &[(&str, &str)]) -> Result<Config, ConfigError> {
        let variable = |name: &str| {
            let found = variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| OsString::from(value))
        };
        Config::load(
            None,
            &Surroundings {
                current_dir: self.0.path(),
                variable: &variable,
            },
        )
    }

    /// The error, with this folder written as `[DIR]`.
    fn refusal(&self) -> String {
        let error = self.load().unwrap_err().to_string();
        error.replace(&self.0.path().display().to_string(), "[DIR]")
    }
}

#[test]
fn says_nothing_but_the_defaults_without_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let surroundings = Surroundings {
        current_dir: folder.path(),
        variable: &|_| None,
    };
    let config = Config::load(None, &surroundings).unwrap();
    assert_eq!(config.file(), None);
    assert_eq!(
        config.database_file(),
        folder.path().join("var/auto-update.db")
    );
    assert_eq!(
        config.repository_place().unwrap().to_string(),
        folder.path().join("var/repo").to_string_lossy()
    );
    assert_eq!(
        config.keyring().private_path(),
        folder.path().join("var/keys/evidence.pem")
    );
    assert_eq!(config.serve.listen.to_string(), "127.0.0.1:8787");
    assert_eq!(config.serve.workers.get(), 2);
    assert_eq!(config.fetch.max_download_mib, 32_768);
    let error = Config::load(Some(Path::new("other.toml")), &surroundings).unwrap_err();
    assert!(matches!(error, ConfigError::Io { .. }), "{error}");
}

#[test]
fn places_are_relative_to_the_file() {
    let folder = Folder::with(
        "state-dir = 'state'\n[repository]\npath = '/srv/repo'\n[autopkg]\nprefs = '~/p.plist'\nrecipe-search-dirs = ['recipes', '~/r', '../up']\nrecipe-repo-dir = 'repos'\n[serve]\nschedules = 'etc/s.yaml'\n[evidence]\nkey = 'signing.pem'\n",
    );
    let config = folder.load_with(&[("HOME", "/home/ann")]).unwrap();
    let dir = folder.0.path();
    let shown = |path: PathBuf| path.display().to_string();
    assert_eq!(config.state_dir, dir.join("state"));
    assert_eq!(config.repository_place().unwrap().to_string(), "/srv/repo");
    assert_eq!(config.serve.schedules, dir.join("etc/s.yaml"));
    assert_eq!(config.keyring().private_path(), dir.join("signing.pem"));
    assert_eq!(
        config.autopkg.prefs.as_deref(),
        Some(Path::new("/home/ann/p.plist"))
    );
    assert_eq!(
        config.autopkg.recipe_search_dirs,
        [
            shown(dir.join("recipes")),
            "/home/ann/r".to_owned(),
            shown(dir.parent().unwrap().join("up")),
        ]
    );
    assert_eq!(
        config.autopkg.recipe_repo_dir,
        Some(shown(dir.join("repos")))
    );
}

#[test]
fn every_section_is_read() {
    let folder = Folder::with(
        "[fetch]\nplain-http-hosts = ['127.0.0.1']\nmax-download-mib = 10\n[scan]\nper-minute = 1\n[desk.priorities]\ntrust = 'P1'\n[[desk.email]]\nname = 'd'\nhost = 'localhost'\nfrom = 'a@b.c'\nto = ['d@b.c']\n[serve]\nlisten = '[::1]:0'\nworkers = 7\n",
    );
    let config = folder.load().unwrap();
    assert!(config.fetch.plain_http_hosts.contains("127.0.0.1"));
    assert_eq!(config.scan.per_minute, 1);
    assert!(config.desk.priorities.contains_key(&FailureClass::Trust));
    assert_eq!(config.desk.email.len(), 1);
    assert_eq!(config.serve.workers.get(), 7);
}

#[test]
fn secrets_come_from_files_and_the_environment() {
    let folder = Folder::with(
        "[scan]\napi-key-file = 'key'\n[[desk.email]]\nname = 'd'\nhost = 'localhost'\nuser = 'u'\npassword-file = 'password'\nfrom = 'a@b.c'\nto = ['d@b.c']\n[[desk.webhook]]\nname = 'w'\nurl = 'https://example.org/secret-place'\nsecret-files = ['whsec']\n",
    );
    folder.write("key", "key-of-the-file\n");
    folder.write("password", "password-of-the-file\n");
    folder.write("whsec", "whsec_of-the-file");
    let config = folder.load().unwrap();
    assert_eq!(
        config.scan.api_key.as_ref().unwrap().expose(),
        "key-of-the-file"
    );
    let scrubbed = config.scrubber().scrub(
        "key-of-the-file password-of-the-file whsec_of-the-file https://example.org/secret-place",
    );
    assert_eq!(scrubbed, "*** *** *** ***");
    assert!(!format!("{config:?}").contains("of-the-file"));
    let variable = "AUTO_UPDATE_SCAN_API_KEY";
    let config = folder.load_with(&[(variable, "outer-key")]).unwrap();
    assert_eq!(config.scan.api_key.unwrap().expose(), "outer-key");
    let config = folder.load_with(&[(variable, "")]).unwrap();
    assert_eq!(config.scan.api_key.unwrap().expose(), "key-of-the-file");
}

#[test]
fn says_where_it_is_wrong() {
    for (text, expected) in [
        (
            "\n[serve]\nlisten = 'nowhere'\n",
            "the configuration `[DIR]/auto-update.toml` is wrong in line 3: invalid socket address syntax",
        ),
        (
            "# one\nstate_dir = 'x'\n",
            "the configuration `[DIR]/auto-update.toml` is wrong in line 2: unknown field `state_dir`, expected one of `state-dir`, `repository`, `autopkg`, `node`, `database`, `retry`, `fetch`, `sandbox`, `signatures`, `guards`, `rings`, `retention`, `records`, `scan`, `evidence`, `tuf`, `desk`, `webhooks`, `serve`, `envquery`, `pods`, `administration`, `catalogue`",
        ),
        (
            "[serve]\nworkers = 0\n",
            "the configuration `[DIR]/auto-update.toml` is wrong in line 2: invalid value: integer `0`, expected a nonzero u16",
        ),
        (
            "[fetch]\nmax-download-mib = 0\n",
            "the configuration `[DIR]/auto-update.toml` is wrong in `fetch.max-download-mib`: no such number of MiB can be downloaded",
        ),
        (
            "[retention]\nkeep = 0\n",
            "the configuration `[DIR]/auto-update.toml` is wrong in `retention.keep`: at least one version has to be kept",
        ),
        (
            "[[rings.ring]]\ncatalog = 'testing'\n[[rings.ring]]\ncatalog = 'testing'\nafter-hours = 1\n",
            "the configuration `[DIR]/auto-update.toml` is wrong in `rings`: the catalog `testing` is named twice",
        ),
        (
            "[scan]\napi-key-file = 'nothing'\n",
            "cannot read the secret of `scan.api-key-file` from `[DIR]/nothing`",
        ),
        (
            "[scan]\napi-key-file = 'auto-update.toml'\napi-key = 'x'\n",
            "both `scan.api-key` and `scan.api-key-file` are given: leave one of them out",
        ),
    ] {
        assert_eq!(Folder::with(text).refusal(), expected, "{text}");
    }
}

#[test]
fn no_error_repeats_a_secret() {
    for text in [
        "[scan]\napi-key = 1234567890\n",
        "[scan]\napi-key = hunter1234567890\n",
        "[scan]\napi-key = 'hunter1234567890\n",
        "[scan]\napi-key = 'hunter1234567890' x\n",
        "[[desk.webhook]]\nname = 'w'\nurl = ['hunter1234567890']\n",
    ] {
        let refusal = Folder::with(text).refusal();
        assert!(!refusal.contains("1234567890"), "{refusal}");
        assert!(refusal.contains("is wrong in line"), "{refusal}");
    }
}

/// What the project deploys with is a configuration, and its schedules can be read.
#[test]
fn the_deployed_files_are_understood() {
    let deploy = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy");
    let surroundings = Surroundings {
        current_dir: &deploy,
        variable: &|_| None,
    };
    let config = Config::load(None, &surroundings).unwrap();
    assert_eq!(config.file(), Some(deploy.join(CONFIG_FILE).as_path()));
    assert_eq!(config.serve.listen.port(), 8787);
    let name = config.serve.schedules.file_name().unwrap();
    pipeline::Schedules::load(&deploy.join(name)).unwrap();
}

#[test]
fn a_repository_lies_in_a_folder_or_in_an_object_store() {
    let folder = Folder::with("[repository]\nurl = 'file:///srv/repo'\n");
    let place = folder.load().unwrap().repository_place().unwrap();
    assert_eq!(place.to_string(), "/srv/repo");

    let folder = Folder::with(
        "[repository]\nurl = 's3://munki/central/'\nendpoint = 'https://s3.example.org/'\nregion = 'r'\n\
         access-key-id = 'id'\nsecret-key-file = 'key'\n",
    );
    folder.write("key", "hunter1234567890\n");
    let config = folder.load().unwrap();
    assert!(!format!("{config:?}").contains("hunter"));
    assert_eq!(config.scrubber().scrub("hunter1234567890"), "***");
    let RepositoryPlace::Objects(settings) = config.repository_place().unwrap() else {
        panic!("a folder");
    };
    assert_eq!(settings.address.to_string(), "s3://munki/central");
    assert_eq!(settings.endpoint.as_deref(), Some("https://s3.example.org"));
    assert_eq!(settings.secret.unwrap().expose(), "hunter1234567890");
    let variable = ("AUTO_UPDATE_REPOSITORY_SECRET_KEY", "outer");
    let config = folder.load_with(&[variable]).unwrap();
    assert_eq!(config.repository.secret_key.unwrap().expose(), "outer");
}

#[test]
fn an_address_that_cannot_be_meant_is_told_with_its_key() {
    for (section, key, why) in [
        ("url = 's3://'", "url", "it names no bucket"),
        ("url = 'ftp://x'", "url", "does not begin with `s3://`"),
        ("url = 'file://x'", "url", "begins with `/`"),
        (
            "url = 's3://m'\npath = 'x'",
            "url",
            "`repository.path` is given, too",
        ),
        (
            "url = 's3://m'\nendpoint = 'http://s3.example.org'",
            "endpoint",
            "not encrypted",
        ),
        (
            "url = 's3://m'\nendpoint = 'https://a:b@s3.example.org'",
            "endpoint",
            "credentials do not belong",
        ),
        (
            "url = 's3://m'\nendpoint = 'ftp://s3.example.org'",
            "endpoint",
            "neither `https://`",
        ),
    ] {
        let refusal = Folder::with(&format!("[repository]\n{section}\n")).refusal();
        let named = format!("is wrong in `repository.{key}`: ");
        assert!(
            refusal.contains(&named) && refusal.contains(why),
            "{refusal}"
        );
    }
    let plain = "[repository]\nurl = 's3://m'\nendpoint = 'http://minio:9000'\n[fetch]\nplain-http-hosts = ['minio']\n";
    Folder::with(plain).load().unwrap();
}

/// A whole section, but for the line of one key.
fn section_without(left_out: &str) -> String {
    [
        "listen = '127.0.0.1:1'\n",
        "url = 'https://envquery.example.com/'\n",
        "certificate = 'cert.pem'\n",
        "key = 'key.pem'\n",
    ]
    .into_iter()
    .filter(|line| left_out.is_empty() || !line.starts_with(left_out))
    .collect()
}

#[test]
fn a_door_for_tenants_says_what_it_is_missing() {
    let folder = Folder::with("");
    let section = section_without;
    let pods = "[pods]\nurl = 'https://pods.example.com/munki/'\n";
    folder.write(CONFIG_FILE, &format!("[envquery]\n{}{pods}", section("")));
    let config = folder.load().unwrap();
    let place = config.envquery_place().unwrap().unwrap();
    assert_eq!(place.host, "envquery.example.com");
    assert_eq!(place.settings.url, "https://envquery.example.com");
    assert_eq!(place.settings.pods_url, "https://pods.example.com/munki");
    assert_eq!(place.socket.key, folder.0.path().join("key.pem"));

    for key in ["url", "certificate", "key"] {
        folder.write(CONFIG_FILE, &format!("[envquery]\n{}{pods}", section(key)));
        let refusal = folder.refusal();
        assert!(
            refusal.contains(&format!("`envquery.{key}`: it is missing")),
            "{refusal}"
        );
    }
    for (text, told) in [
        (
            format!("[envquery]\n{}", section("")),
            "`pods.url`: it is missing",
        ),
        ("[envquery]\nurl = 'http://a'".to_owned(), "`envquery.url`"),
        (
            "[envquery]\nurl = 'https://u:p@a'".to_owned(),
            "`envquery.url`",
        ),
        ("[envquery]\npins = ['short']".to_owned(), "`envquery.pins`"),
        (
            "[envquery]\nload-balancers = ['lb']".to_owned(),
            "`envquery.load-balancers`",
        ),
        ("[pods]\nurl = 'https://a?b'".to_owned(), "`pods.url`"),
        (
            "[pods]\nlisten = '127.0.0.1:1'".to_owned(),
            "`pods.certificate`: it is missing",
        ),
    ] {
        folder.write(CONFIG_FILE, &text);
        let refusal = folder.refusal();
        assert!(refusal.contains(told), "{refusal}");
    }
    folder.write(
        CONFIG_FILE,
        &format!("[envquery]\n{}{pods}", section("url"))
            .replace("[envquery]", "[envquery]\nurl = 'https://a/b'"),
    );
    let refusal = folder.refusal();
    assert!(refusal.contains("nothing behind the host"), "{refusal}");
}

#[test]
fn administration_pages_are_served_over_tls_or_to_this_machine() {
    let folder = Folder::with("");
    for (text, told) in [
        (
            "listen = '0.0.0.0:8443'",
            "`administration.certificate`: it is missing, and without TLS",
        ),
        (
            "listen = '127.0.0.1:8443'\nkey = 'k'",
            "`administration.certificate`: `key` needs it",
        ),
        (
            "listen = '127.0.0.1:8443'\ncertificate = 'c'",
            "`administration.key`: `certificate` needs it",
        ),
    ] {
        folder.write(CONFIG_FILE, &format!("[administration]\n{text}"));
        let refusal = folder.refusal();
        assert!(refusal.contains(told), "{refusal}");
    }
    folder.write(CONFIG_FILE, "[administration]\nlisten = '[::1]:8443'");
    let place = folder.load().unwrap().administration_place().unwrap();
    let listen = "[::1]:8443".parse().unwrap();
    assert_eq!(place, Some(PagesPlace::Loopback(listen)));
    folder.write(
        CONFIG_FILE,
        "[administration]\nlisten = '0.0.0.0:8443'\ncertificate = 'c'\nkey = 'k'",
    );
    let place = folder.load().unwrap().administration_place().unwrap();
    let Some(PagesPlace::Tls(tls)) = place else {
        panic!("{place:?}");
    };
    assert_eq!(tls.certificate, folder.0.path().join("c"));
    folder.write(CONFIG_FILE, "[catalogue]\nlisten = '[::1]:8443'");
    let config = folder.load().unwrap();
    assert_eq!(config.administration_place().unwrap(), None);
    let place = config.catalogue_place().unwrap();
    assert_eq!(place, Some(PagesPlace::Loopback(listen)));
    folder.write(CONFIG_FILE, "[catalogue]\nlisten = '0.0.0.0:8443'");
    let refusal = folder.refusal();
    let told = "`catalogue.certificate`: it is missing";
    assert!(refusal.contains(told), "{refusal}");
}

#[test]
fn pods_on_nginx_say_what_cannot_be_meant() {
    let pods =
        "[pods]\nurl = 'https://pods.example.com:8443/'\ncertificate = 'c.pem'\nkey = 'k.pem'\n";
    let nginx = "[pods.nginx]\nfolder = 'pods'\nlisten = '127.0.0.1:1'\nlog = 'log'\n";
    let folder = Folder::with(&format!("{pods}{nginx}"));
    let place = folder.load().unwrap().nginx_place().unwrap().unwrap();
    assert_eq!(place.site.host, "pods.example.com");
    assert_eq!(place.site.folder, folder.0.path().join("pods"));
    assert_eq!(place.site.log, Some(folder.0.path().join("log")));
    assert_eq!(place.site.key, folder.0.path().join("k.pem"));
    assert_eq!(place.reload, ["nginx", "-s", "reload"]);
    let store = "[repository]\nurl = 's3://bucket'\n";
    for (text, told) in [
        (nginx.to_owned(), "`pods.url`: it is missing"),
        (
            format!("[pods]\nurl = 'https://a'\n{nginx}"),
            "`pods.certificate`: it is missing",
        ),
        (
            format!("{}{nginx}", pods.replace("8443/", "8443/munki")),
            "behind the host",
        ),
        (
            format!("{pods}{nginx}reload = []"),
            "`pods.nginx.reload`: it names no program",
        ),
        (format!("{store}{pods}{nginx}"), "is in an object store"),
        (
            "[pods.nginx]\nlisten = '127.0.0.1:1'".to_owned(),
            "missing field `folder`",
        ),
    ] {
        folder.write(CONFIG_FILE, &text);
        let refusal = folder.refusal();
        assert!(refusal.contains(told), "{refusal}");
    }
}
