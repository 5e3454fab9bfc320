//! A house with one small title: an application without a signature, in an image, by one recipe.

use std::{path::Path, time::Duration};

use tempfile::TempDir;
use testkit::{house::TestHouse, signing::write_app, smtp, vendor::Resource};

/// The override's name.
pub(crate) const TITLE: &str = "Small.munki";
/// Where the vendor keeps the image.
pub(crate) const IMAGE: &str = "/Small.dmg";

/// How long a verb may take before it counts as hanging.
const LONGEST: Duration = Duration::from_mins(1);

/// A house with one small title.
pub(crate) struct Small {
    pub(crate) house: TestHouse,
    folder: TempDir,
}

impl Small {
    /// Builds it, approved and with nothing released yet; nothing, and a word about it, where no mail server can run.
    pub(crate) async fn stand() -> Option<Self> {
        if smtp::find_python().await.is_none() {
            assert!(
                std::env::var_os("CI").is_none(),
                "no Python has aiosmtpd: install python3-aiosmtpd"
            );
            eprintln!("skipped: no Python has aiosmtpd");
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        let program = Path::new(env!("CARGO_BIN_EXE_auto-update"));
        let house = TestHouse::start(&folder.path().join("house"), program)
            .await
            .unwrap();
        let small = Self { house, folder };
        small.write_recipe();
        small.expect(&["update-trust-info", TITLE], 0).await;
        small.expect(&["trust", "approve", TITLE], 0).await;
        Some(small)
    }

    fn write_recipe(&self) {
        let url = self.house.vendor.url(IMAGE);
        let recipe = format!(
            "\
Identifier: com.example.munki.Small
Input:
  NAME: Small
  pkginfo:
    name: Small
    catalogs: [testing]
Process:
- Processor: URLDownloader
  Arguments:
    url: {url}
    filename: Small.dmg
- Processor: EndOfCheckPhase
- Processor: MunkiImporter
  Arguments:
    pkg_path: '%pathname%'
    repo_subdirectory: apps
"
        );
        let override_ = "\
Identifier: local.munki.Small
ParentRecipe: com.example.munki.Small
Input:
  NAME: Small
";
        fs_err::write(self.house.recipes().join("Small.munki.recipe.yaml"), recipe).unwrap();
        let path = self.house.overrides().join("Small.munki.recipe.yaml");
        fs_err::write(path, override_).unwrap();
    }

    /// The image of a version.
    pub(crate) fn image(&self, version: &str) -> Vec<u8> {
        let contents = self.folder.path().join(version);
        write_app(&contents.join("Small.app"), "com.example.Small", version).unwrap();
        let image = self.folder.path().join(format!("{version}.dmg"));
        media::write::dmg(&contents, "Small", &image).unwrap();
        fs_err::read(image).unwrap()
    }

    /// Has the vendor release a version.
    pub(crate) fn release(&self, version: &str) {
        let image = Resource::file(self.image(version));
        self.house.vendor.put(IMAGE, image);
    }

    /// Runs a verb that must end with this status; answers what it printed.
    pub(crate) async fn expect(&self, arguments: &[&str], status: i32) -> String {
        let finished = self.house.program().run(arguments).await.unwrap();
        finished.expect(status).unwrap().stdout
    }

    /// Every package has evidence that holds, and the log tells of each publication once.
    pub(crate) async fn verify_evidence(&self, publications: usize) {
        let key = self.folder.path().join("public.pem");
        fs_err::write(&key, self.expect(&["evidence", "key", "--public"], 0).await).unwrap();
        let key = key.display().to_string();
        let repository = self.house.repository();
        for package in self.house.view().unwrap().of_kind("pkgs") {
            let item = repository.join(package).display().to_string();
            let verify = ["evidence", "verify", &item, "--strict", "--key", &key];
            self.expect(&verify, 0).await;
        }
        let log = self.expect(&["evidence", "log", "--json"], 0).await;
        assert_eq!(log.lines().count(), publications, "{log}");
        self.expect(&["evidence", "verify-log", "--key", &key], 0)
            .await;
    }

    /// Starts a verb, waits for what must happen while it runs, and kills it there.
    pub(crate) async fn kill_once(&self, arguments: &[&str], happened: impl Future<Output = ()>) {
        let mut child = self.house.program().command(arguments).spawn().unwrap();
        tokio::select! {
            () = happened => child.kill().await.unwrap(),
            ended = child.wait() => panic!("`{arguments:?}` ended too early: {ended:?}"),
            () = tokio::time::sleep(LONGEST) => panic!("`{arguments:?}` hangs"),
        }
    }

    /// The versions that clients are offered, sorted; the repository is whole.
    pub(crate) fn published(&self) -> Vec<String> {
        let view = self.house.view().unwrap();
        let mut versions: Vec<String> = view
            .published()
            .iter()
            .map(|item| item.version.clone())
            .collect();
        versions.sort();
        versions
    }
}
