//! The last act: a new release, and a crash in the middle of its publication.

use std::collections::BTreeSet;

use anyhow::{Context as _, ensure};

use super::{Story, images::Variant, story::text};
use crate::house::{News, RepositoryView};

/// Makes a debug build of the program end itself at this point of a publication, as a power cut would.
const ABORT: (&str, &str) = ("AUTO_UPDATE_ABORT_AT", "placed-pkgs");

impl Story {
    /// The new release is published all the same, once, and the incidents of the title are over.
    pub(super) async fn crash_while_publishing(&mut self) -> anyhow::Result<()> {
        let version = self.version(1);
        self.talk.act(&format!(
            "The vendor releases version {version}; the program dies in the middle of its publication"
        ))?;
        self.release(1, Variant::Genuine)?;
        self.crash().await?;
        self.talk.act("The program is started again")?;
        let title = self.title();
        self.verb(&["run", &title], 0).await?;
        let view = self.house.view()?;
        self.check_published(&view)?;
        let news = self.house.desk.news()?;
        self.check_resolved(&news)?;
        self.check_nothing_is_done_twice(&view).await
    }

    async fn crash(&mut self) -> anyhow::Result<()> {
        let before = self.house.view()?;
        let title = self.title();
        let program = self.house.program();
        let finished = program.run_as_seen(&["run", &title], &[ABORT]).await?;
        self.talk.finished(&finished)?;
        finished.expect_killed()?;
        let after = RepositoryView::offered(&self.house.repository())?;
        let new: Vec<&String> = after
            .files
            .keys()
            .filter(|path| !before.files.contains_key(*path))
            .collect();
        self.talk
            .say("\nThe package is there, and the catalogs know nothing of it yet. New are:")?;
        for path in new {
            self.talk.quote(path)?;
        }
        ensure!(
            after.catalogs == before.catalogs,
            "the crash came too late: the catalogs are new already"
        );
        ensure!(
            after.of_kind("pkgs").count() == before.of_kind("pkgs").count() + 1,
            "the crash came too early: no package was placed"
        );
        Ok(())
    }

    fn check_published(&self, view: &RepositoryView) -> anyhow::Result<()> {
        let name = self.software.name;
        let found = view.published().iter();
        let found: BTreeSet<(&str, &str)> = found.map(|it| (&*it.name, &*it.version)).collect();
        let wanted = BTreeSet::from([(name, self.version(0)), (name, self.version(1))]);
        ensure!(
            found == wanted,
            "after the crash {found:?} is published, but it should be {wanted:?}"
        );
        Ok(())
    }

    /// Each incident is over, and each mail of that is in the thread of the mail that opened it.
    fn check_resolved(&mut self, news: &News) -> anyhow::Result<()> {
        let mut resolved = BTreeSet::new();
        for call in &news.calls {
            ensure!(
                text(call, "/type")? == "incident.resolved",
                "the desk was told something else than a resolution: {}",
                call.body
            );
            resolved.insert(text(call, "/data/incident/id")?.to_owned());
        }
        let opened: BTreeSet<String> = self.opened.iter().map(|it| it.incident.clone()).collect();
        ensure!(
            resolved == opened && news.calls.len() == opened.len(),
            "the incidents {opened:?} should be resolved once each, but {resolved:?} are"
        );
        for opened in &self.opened {
            let letter = news
                .letters
                .iter()
                .find(|letter| letter.references.contains(&opened.message_id))
                .with_context(|| format!("no mail resolves incident {}", opened.incident))?;
            let first = letter.text.lines().next().unwrap_or_default();
            self.talk
                .say(&format!("\nMail: {}\n    {first}", letter.subject))?;
        }
        ensure!(
            news.letters.len() == self.opened.len(),
            "{} mails came for {} resolutions",
            news.letters.len(),
            self.opened.len()
        );
        Ok(())
    }

    /// One more run finds nothing to do, and says nothing to anybody.
    async fn check_nothing_is_done_twice(&mut self, view: &RepositoryView) -> anyhow::Result<()> {
        let title = self.title();
        self.verb(&["run", &title], 0).await?;
        ensure!(
            self.house.view()? == *view,
            "a run without anything new changed the repository"
        );
        let news = self.house.desk.news()?;
        ensure!(
            news.calls.is_empty() && news.letters.is_empty(),
            "a run without anything new told the desk: {:?}",
            news.calls
        );
        Ok(())
    }
}
