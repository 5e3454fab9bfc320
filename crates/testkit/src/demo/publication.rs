//! Act one: from recipe repositories and a vendor's page to an entry in a Munki repository.

use anyhow::{Context as _, ensure};

use super::{Story, images::Variant, overrides, upstream::Upstream};

/// The recipes of this checkout, as other people would keep them.
const DOWNLOAD: &str = include_str!("../../../../recipes/SignedApp/SignedApp.download.recipe");
const MUNKI: &str = include_str!("../../../../recipes/SignedApp/SignedApp.munki.recipe.yaml");

/// Where the download recipe is in its repository.
pub(super) const DOWNLOAD_PATH: &str = "SignedApp/SignedApp.download.recipe";
const MUNKI_PATH: &str = "SignedApp/SignedApp.munki.recipe.yaml";

impl Story {
    /// The vendor's first release becomes a published item.
    pub(super) async fn publish_first_release(&mut self) -> anyhow::Result<()> {
        let (name, version) = (self.software.name, self.version(0));
        self.talk.act(&format!("{name} {version} is published"))?;
        let image = self.release(0, Variant::Genuine)?;
        self.add_recipes().await?;
        let item = image.join(self.software.item);
        let requirement = self.designated_requirement(&item.to_string_lossy()).await?;
        self.make_override(&requirement).await?;
        let title = self.title();
        self.verb(&["run", "--verbose", &title], 0).await?;
        self.check_first_release()
    }

    /// Two repositories with recipes are made, and added.
    async fn add_recipes(&mut self) -> anyhow::Result<()> {
        let upstream = self.house.root().join("upstream");
        let downloads = Upstream::create(
            &upstream.join("download-recipes"),
            &[(DOWNLOAD_PATH, DOWNLOAD)],
        )?;
        let munki = Upstream::create(&upstream.join("munki-recipes"), &[(MUNKI_PATH, MUNKI)])?;
        self.verb(&["repo-add", &downloads.url(), &munki.url()], 0)
            .await?;
        self.recipes = Some(downloads);
        Ok(())
    }

    /// What the vendor's own signature says of who may follow it.
    async fn designated_requirement(&mut self, item: &str) -> anyhow::Result<String> {
        let program = self.house.program();
        let judged = program.run(&["codesign", "verify", item, "--json"]).await?;
        let report: serde_json::Value = serde_json::from_str(&judged.expect(0)?.stdout)?;
        let text = |key: &str| report.get(key).and_then(serde_json::Value::as_str);
        ensure!(
            text("verdict") == Some("developer-id"),
            "the software is not signed as it should be: {report}"
        );
        let signer = report.pointer("/authorities/0").and_then(|it| it.as_str());
        let requirement = text("designated_requirement").context("no designated requirement")?;
        let name = self.software.item;
        self.talk.say(&format!(
            "\n{name} is signed by {}. Its override pins that:",
            signer.unwrap_or_default()
        ))?;
        self.talk.quote(requirement)?;
        Ok(requirement.to_owned())
    }

    /// The override is made, edited and approved.
    async fn make_override(&mut self, requirement: &str) -> anyhow::Result<()> {
        let title = self.title();
        self.verb(&["make-override", "SignedApp.munki", "--name", &title], 0)
            .await?;
        let file = overrides::only_one(&self.house.overrides())?;
        let name = self.software.name;
        overrides::set_inputs(
            &file,
            &[
                ("NAME", name),
                ("DOWNLOAD_PAGE", &self.site().page()),
                ("ITEM", self.software.item),
                ("DESTINATION", self.software.destination),
                ("MUNKI_REPO_SUBDIR", &format!("apps/{name}")),
                ("REQUIREMENT", requirement),
            ],
        )?;
        self.verb(&["update-trust-info", &title], 0).await?;
        self.verb(&["trust", "approve", &title], 0).await?;
        self.verb(&["verify-trust-info", &title], 0).await?;
        Ok(())
    }

    fn check_first_release(&mut self) -> anyhow::Result<()> {
        let view = self.house.view()?;
        self.show_repository(&view)?;
        let [item] = view.published() else {
            anyhow::bail!("one item should be published, but there are {view:?}");
        };
        ensure!(
            (&*item.name, &*item.version) == (self.software.name, self.version(0)),
            "another item was published: {item:?}"
        );
        let pkginfo = view.of_kind("pkgsinfo").next().context("no pkginfo")?;
        let text = fs_err::read_to_string(self.house.repository().join(pkginfo))?;
        self.talk.say(&format!("\n{pkginfo}:"))?;
        self.talk.quote(&text)?;
        let scanned = self.house.virus_total.uploads();
        ensure!(
            !scanned.is_empty(),
            "something was published without a scan"
        );
        for (sha256, file) in scanned {
            self.talk
                .say(&format!("VirusTotal was asked about {file} ({sha256})"))?;
        }
        let news = self.house.desk.news()?;
        ensure!(
            news.calls.is_empty() && news.letters.is_empty(),
            "the service desk was told of something: {:?}",
            news.calls
        );
        Ok(())
    }
}
