//! Who plays in the story, and what each act shares.

use std::{collections::BTreeSet, path::PathBuf};

use anyhow::{Context as _, ensure};
use model::FailureClass;

use super::{
    Options, Outcome, Talk,
    images::{ImageMaker, Variant},
    site::Site,
    software::Software,
    upstream::Upstream,
};
use crate::{
    house::{Finished, RepositoryView, TestHouse},
    smtp::Letter,
    webhook_receiver::Received,
};

/// A house, and how far its story has come.
#[derive(Debug)]
pub struct Story {
    pub(super) house: TestHouse,
    pub(super) software: Software,
    pub(super) images: ImageMaker,
    pub(super) recipes: Option<Upstream>,
    pub(super) opened: Vec<Opened>,
    pub(super) talk: Talk,
}

/// An incident as it was opened at the service desk.
#[derive(Clone, Debug)]
pub(super) struct Opened {
    /// Its name.
    pub(super) incident: String,
    /// The `Message-ID` of the mail that told of it.
    pub(super) message_id: String,
}

impl Story {
    /// Finds the software, and builds the house.
    pub(super) async fn begin(options: &Options, mut talk: Talk) -> anyhow::Result<Self> {
        let software = Software::find(&options.media)?;
        let house = TestHouse::start(&options.house, &options.program).await?;
        let images = ImageMaker::new(&house.root().join("images"));
        let root = house.root().display();
        talk.say(&format!("The house is built in {root}"))?;
        Ok(Self {
            images,
            software,
            recipes: None,
            opened: Vec::new(),
            house,
            talk,
        })
    }

    /// The override's name, as it is typed.
    pub(super) fn title(&self) -> String {
        format!("{}.munki", self.software.name)
    }

    /// The vendor's web site.
    pub(super) const fn site(&self) -> Site<'_> {
        Site::new(&self.house.vendor, &self.software)
    }

    /// Makes an image of the older (0) or newer (1) release.
    pub(super) fn image(&self, release: usize, variant: Variant) -> anyhow::Result<PathBuf> {
        let release = self
            .software
            .releases
            .get(release)
            .context("no such release")?;
        tokio::task::block_in_place(|| self.images.make(&self.software, release, variant))
    }

    /// Makes an image of a release, and has the vendor offer it.
    pub(super) fn release(&self, release: usize, variant: Variant) -> anyhow::Result<PathBuf> {
        let image = self.image(release, variant)?;
        self.site().release(self.version(release), &image)?;
        Ok(image)
    }

    /// The version of the older (0) or newer (1) release.
    pub(super) fn version(&self, release: usize) -> &'static str {
        let release = self.software.releases.get(release);
        release.map_or("", |release| release.version)
    }

    /// Runs a verb, shows what it printed, and wants this exit status.
    pub(super) async fn verb(
        &mut self,
        arguments: &[&str],
        status: i32,
    ) -> anyhow::Result<Finished> {
        let finished = self.house.program().run_as_seen(arguments, &[]).await?;
        self.talk.finished(&finished)?;
        finished.expect(status)
    }

    /// Runs the title, which must be stopped for this reason: one incident, nothing published.
    pub(super) async fn stopped(&mut self, class: FailureClass) -> anyhow::Result<()> {
        let before = self.house.view()?;
        let title = self.title();
        self.verb(&["run", &title], 70).await?;
        ensure!(
            self.house.view()? == before,
            "a run that was stopped changed the repository"
        );
        let news = self.house.desk.news()?;
        let ([call], [letter]) = (&*news.calls, &*news.letters) else {
            anyhow::bail!(
                "one webhook and one mail should have come, but there are {} and {}: {:?}",
                news.calls.len(),
                news.letters.len(),
                news.calls
            );
        };
        self.note_opened(call, letter, class)
    }

    fn note_opened(
        &mut self,
        call: &Received,
        letter: &Letter,
        class: FailureClass,
    ) -> anyhow::Result<()> {
        self.talk.say("\nThe service desk gets this mail:")?;
        self.talk.quote(&format!("Subject: {}", letter.subject))?;
        self.talk
            .quote(&format!("To: {}\n\n{}", letter.to, letter.text))?;
        self.talk.say("and this webhook:")?;
        self.talk
            .quote(&serde_json::to_string_pretty(&call.body)?)?;
        let title = self.title();
        let said = (
            text(call, "/type")?,
            text(call, "/data/incident/class")?,
            text(call, "/data/incident/title")?,
        );
        ensure!(
            said == ("incident.opened", class.as_str(), &*title),
            "the incident should be opened for {title} with class `{class}`, but the desk was told {said:?}"
        );
        for field in ["headline", "cause", "next_step", "priority", "run"] {
            let told = text(call, &format!("/data/incident/{field}"))?;
            ensure!(!told.is_empty(), "the incident has no {field}");
        }
        self.opened.push(Opened {
            incident: text(call, "/data/incident/id")?.to_owned(),
            message_id: letter.message_id.clone(),
        });
        Ok(())
    }

    /// Says what clients are offered, and how many incidents the desk knows of.
    pub(super) async fn end(&mut self) -> anyhow::Result<Outcome> {
        self.talk.act("What is there now")?;
        self.verb(&["incident", "list", "--all"], 0).await?;
        let view = self.house.view()?;
        self.show_repository(&view)?;
        self.verify_evidence(&view).await?;
        let incidents: BTreeSet<&str> = self.opened.iter().map(|it| &*it.incident).collect();
        Ok(Outcome {
            published: view.published().len(),
            incidents: incidents.len(),
        })
    }

    /// Shows the files of the repository, its catalogs, and where it lies.
    pub(super) fn show_repository(&mut self, view: &RepositoryView) -> anyhow::Result<()> {
        let repository = self.house.repository();
        self.talk
            .say(&format!("\nThe repository {}:", repository.display()))?;
        for path in view.files.keys() {
            let len_bytes = fs_err::metadata(repository.join(path))?.len();
            self.talk.quote(&format!("{len_bytes:>10}  {path}"))?;
        }
        for (catalog, items) in &view.catalogs {
            let items = items.iter().map(|it| format!("{} {}", it.name, it.version));
            let items: Vec<String> = items.collect();
            self.talk
                .quote(&format!("catalog `{catalog}`: {}", items.join(", ")))?;
        }
        Ok(())
    }
}

/// A text in the body of a webhook.
pub(super) fn text<'a>(call: &'a Received, pointer: &str) -> anyhow::Result<&'a str> {
    let found = call.body.pointer(pointer).and_then(|value| value.as_str());
    found.with_context(|| format!("a webhook without {pointer}: {}", call.body))
}
