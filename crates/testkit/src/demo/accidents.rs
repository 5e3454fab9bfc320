//! Acts two to six: attacks and accidents, each of which stops the title and opens one incident.

use anyhow::{Context as _, ensure};
use model::{FailureClass, Sha256};

use super::{Story, images::Variant, publication::DOWNLOAD_PATH};
use crate::virus_total::Verdict;

/// What the attacker changes in the parent recipe: any vendor's signature will do.
const PINNED: &str = "<string>%REQUIREMENT%</string>";
const WEAKENED: &str = "<string>anchor apple generic</string>";

impl Story {
    /// Each in turn.
    pub(super) async fn suffer_accidents(&mut self) -> anyhow::Result<()> {
        self.parent_recipe_changes().await?;
        self.one_byte_changes().await?;
        self.another_team_signs().await?;
        self.scanner_says_malicious().await?;
        self.image_is_gone().await
    }

    async fn parent_recipe_changes(&mut self) -> anyhow::Result<()> {
        self.talk
            .act("Somebody changes the parent recipe upstream")?;
        let recipes = self.recipes.as_ref().context("no recipes")?;
        recipes.change(DOWNLOAD_PATH, PINNED, WEAKENED, "Simplify the check")?;
        self.verb(&["repo-update", "all"], 0).await?;
        self.stopped(FailureClass::Trust).await?;
        let title = self.title();
        let difference = self.verb(&["trust", "diff", &title], 1).await?;
        ensure!(
            difference.stdout.contains("anchor apple generic"),
            "`trust diff` does not show what was changed"
        );
        self.talk
            .say("\nThat is no improvement. Its author takes it back.")?;
        self.recipes.as_ref().context("no recipes")?.revert()?;
        self.verb(&["repo-update", "all"], 0).await?;
        self.verb(&["trust", "diff", &title], 0).await?;
        self.verb(&["verify-trust-info", &title], 0).await?;
        Ok(())
    }

    async fn one_byte_changes(&mut self) -> anyhow::Result<()> {
        let version = self.version(1);
        self.talk.act(&format!(
            "Version {version} is out, but one byte of the program is not the vendor's"
        ))?;
        self.release(1, Variant::OneByteChanged)?;
        self.stopped(FailureClass::CodeSignature).await
    }

    async fn another_team_signs(&mut self) -> anyhow::Result<()> {
        let version = self.version(1);
        self.talk
            .act(&format!("Version {version} is signed by another team"))?;
        self.release(1, Variant::OtherTeam)?;
        self.stopped(FailureClass::IdentityChanged).await
    }

    async fn scanner_says_malicious(&mut self) -> anyhow::Result<()> {
        let version = self.version(1);
        self.talk.act(&format!(
            "VirusTotal knows the image of version {version}, and calls it malicious"
        ))?;
        let image = self.release(1, Variant::Infected)?;
        let (sha256, _) = Sha256::of_reader(&mut fs_err::File::open(image)?)?;
        self.house.virus_total.know(sha256, Verdict::malicious(17));
        self.stopped(FailureClass::Malware).await
    }

    async fn image_is_gone(&mut self) -> anyhow::Result<()> {
        self.talk
            .act("The vendor takes the image away: 404 Not Found")?;
        self.site().lose(self.version(1));
        self.stopped(FailureClass::Download).await
    }
}
