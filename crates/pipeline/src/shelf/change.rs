//! A change of the repository that is no publication of a run: put together, written down, applied, told of.

use std::path::{Path, PathBuf};

use ::evidence::{Event as LogEvent, Log, Subject};
use model::{ChangeSetId, FailureClass, Sha256, Timestamp};
use munki::CatalogOptions;
use proplist::{KeyOrder, Value, to_xml};
use publication::{ChangeSet, Kind, Move, PublishError, Replacement, StagedFile, publish};
use serde::{Deserialize, Serialize};
use store::{Passage, RingStay};

use crate::{Engine, Failure, engine::blocking};

/// Who has something done, and why.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Hand {
    /// Who.
    pub by: String,
    /// Why.
    pub reason: String,
}

/// What kind of change it is.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum What {
    /// Items are in other catalogs.
    Moved,
    /// A version was taken away at once.
    Recalled,
    /// Versions that nobody needs any more are gone.
    Retired,
    /// A change before was taken back.
    Undone,
}

impl What {
    /// The name used in tables, logs and JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Moved => "moved",
            Self::Recalled => "recalled",
            Self::Retired => "retired",
            Self::Undone => "undone",
        }
    }
}

/// What a change does, why, and for whom; it waits in the database as JSON.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct Told {
    /// What kind of change it is.
    pub what: What,
    /// What is done to what, each in words.
    pub items: Vec<String>,
    /// Who has it done; nobody if the service does it by its rules.
    pub by: Option<String>,
    /// Why, in that person's words.
    pub reason: Option<String>,
    /// The files that get other bytes, or come back.
    pub files: Vec<ToldFile>,
    /// The files that go.
    pub removed: Vec<ToldFile>,
    /// Stays in catalogs that begin or end by it.
    pub stays: Vec<RingStay>,
    /// The process that does it.
    pub(super) owner: String,
}

/// A file of the repository.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct ToldFile {
    /// Of what kind it is.
    pub kind: Kind,
    /// Where it is.
    pub location: String,
    /// What it is.
    pub sha256: Sha256,
}

impl ToldFile {
    fn subject(&self) -> Subject {
        Subject {
            name: format!("{}/{}", self.kind, self.location),
            sha256: self.sha256,
        }
    }
}

impl Told {
    /// What `change_set` does, without the stays that change by it.
    pub(super) fn of(
        what: What,
        items: Vec<String>,
        change_set: &ChangeSet,
        hand: Option<&Hand>,
    ) -> Self {
        let replaced = change_set.replacements.iter().map(|it| &it.file);
        let files = change_set.files.iter().chain(replaced);
        let files = files.map(|file| ToldFile {
            kind: file.kind,
            location: file.location.clone(),
            sha256: file.sha256,
        });
        let removed = change_set.removals.iter().map(|it| ToldFile {
            kind: it.kind,
            location: it.location.clone(),
            sha256: it.was,
        });
        Self {
            what,
            items,
            by: hand.map(|hand| hand.by.clone()),
            reason: hand.map(|hand| hand.reason.clone()),
            files: files.collect(),
            removed: removed.collect(),
            stays: Vec::new(),
            owner: String::new(),
        }
    }

    pub(super) fn entry(&self, change_set: ChangeSetId) -> LogEvent {
        LogEvent::Changed {
            change_set: change_set.to_string(),
            what: self.what.as_str().to_owned(),
            items: self.items.clone(),
            files: self.files.iter().map(ToldFile::subject).collect(),
            removed: self.removed.iter().map(ToldFile::subject).collect(),
            by: self.by.clone(),
            reason: self.reason.clone(),
        }
    }
}

/// The folder, in that of caches, where new bytes wait for a change of the repository.
pub(super) const FOLDER: &str = ".changes";

impl Engine {
    /// Where the bytes of a change wait.
    pub(super) fn change_folder(&self, change_set: ChangeSetId) -> PathBuf {
        self.cache_dir().join(FOLDER).join(change_set.to_string())
    }

    /// Puts items into other catalogs.
    pub(crate) async fn carry_out_moves(
        &self,
        moves: &[Move],
        hand: Option<&Hand>,
    ) -> Result<(), Failure> {
        if moves.is_empty() {
            return Ok(());
        }
        let mut change_set = ChangeSet::new(ChangeSetId::new());
        let folder = self.change_folder(change_set.id);
        let (engine, staged) = (self.clone(), moves.to_vec());
        change_set.replacements = blocking(move || {
            let staged = staged.iter().map(|moved| engine.rewrite(moved, &folder));
            staged.collect()
        })
        .await?;
        let now = self.parts.clock.now();
        let items = moves.iter().map(Move::to_string).collect();
        let mut told = Told::of(What::Moved, items, &change_set, hand);
        told.stays = moves
            .iter()
            .flat_map(|moved| stays(moved, hand, now))
            .collect();
        self.change(&change_set, &told).await
    }

    /// The pkginfo of `moved` with other catalogs, staged. Blocking.
    fn rewrite(&self, moved: &Move, folder: &Path) -> Result<Replacement, Failure> {
        let failed =
            |error: &dyn std::error::Error| Failure::from_error(FailureClass::Publish, error);
        let contents = self
            .parts
            .repository
            .get(Kind::Pkgsinfo, &moved.pkginfo)
            .map_err(|error| failed(&error))?;
        if Sha256::of(&contents) != moved.was {
            let message = format!("`pkgsinfo/{}` was changed in the meantime", moved.pkginfo);
            return Err(Failure::new(FailureClass::Publish, message)
                .with_advice("Look at it, and do the same again."));
        }
        let bytes = with_catalogs(&contents, &moved.to).map_err(|error| failed(&*error))?;
        let source = folder.join(Sha256::of(&bytes).to_string());
        fs_err::create_dir_all(folder)
            .and_then(|()| fs_err::write(&source, &bytes))
            .map_err(|error| failed(&error))?;
        Ok(Replacement {
            file: StagedFile {
                kind: Kind::Pkgsinfo,
                location: moved.pkginfo.clone(),
                source,
                sha256: Sha256::of(&bytes),
                len_bytes: u64::try_from(bytes.len()).unwrap_or(u64::MAX),
            },
            was: moved.was,
        })
    }

    /// Applies a change set that no run has staged: whole, or not at all.
    ///
    /// # Errors
    /// Whatever stopped it; the repository is then as it was.
    pub(super) async fn change(&self, change_set: &ChangeSet, told: &Told) -> Result<(), Failure> {
        let db = &self.parts.db;
        let id = change_set.id;
        let now = self.parts.clock.now();
        let told = &Told {
            owner: self.owner.to_string(),
            ..told.clone()
        };
        let json = serde_json::to_value(told)
            .map_err(|error| Failure::from_error(FailureClass::Internal, &error))?;
        db.change_begin(id, &json, now).await?;
        let outcome = match self.apply_change(change_set).await {
            Applied::Whole => self.finish_change(id, told).await,
            Applied::Undone(failure) => {
                db.change_roll_back(id, self.parts.clock.now()).await?;
                Err(failure)
            }
            // What was staged may be needed to finish it.
            Applied::Unknown(failure) => return Err(failure),
        };
        forget_folder(&self.change_folder(id));
        outcome
    }

    /// Notes that a change is made, in the database and in the log; doing so again changes nothing.
    pub(super) async fn finish_change(&self, id: ChangeSetId, told: &Told) -> Result<(), Failure> {
        let now = self.parts.clock.now();
        let entry = told.entry(id);
        let engine = self.clone();
        // The log first: what is noted as done is not looked at again.
        let logged = blocking(move || {
            let parts = &engine.parts;
            let append = &mut |log: &Log| log.append(&entry, &parts.keyring, now).map(|_is_new| ());
            parts.repository.with_log(append).map_err(|error| {
                Failure::from_error(FailureClass::Publish, &error).with_advice(
                    "The repository is changed, and the log of publications does not tell of it yet. Find out why the \
                     log cannot be written; `docs/evidence.md` says more. It is tried again.",
                )
            })
        });
        logged.await?;
        self.parts.db.change_finish(id, &told.stays, now).await?;
        tracing::info!(
            change_set.id = %id,
            change.what = told.what.as_str(),
            change.by = told.by,
            items = told.items.len(),
            "repository changed"
        );
        Ok(())
    }

    async fn apply_change(&self, change_set: &ChangeSet) -> Applied {
        let (engine, change_set) = (self.clone(), change_set.clone());
        let applied = blocking(move || {
            let parts = &engine.parts;
            // What could not be told of afterwards is not done.
            let check = &mut |log: &Log| log.check(&parts.keyring);
            if let Err(error) = parts.repository.with_log(check) {
                let failure = Failure::from_error(FailureClass::Publish, &error);
                return Ok(Applied::Undone(failure));
            }
            let published = publish(
                &*parts.repository,
                &change_set,
                CatalogOptions::default(),
                &*parts.observer,
                parts.clock.now(),
            );
            Ok(match published {
                Ok(_) => Applied::Whole,
                Err(error) => {
                    let failure = Failure::from_error(error.class(), &error);
                    match error {
                        PublishError::Stuck { .. } => Applied::Unknown(failure),
                        _ => Applied::Undone(failure),
                    }
                }
            })
        });
        let applied = applied.await.unwrap_or_else(Applied::Unknown);
        if matches!(applied, Applied::Whole) {
            self.refresh_metadata().await;
        }
        applied
    }
}

/// What became of a change set.
enum Applied {
    /// The repository is as it says.
    Whole,
    /// The repository is as it was.
    Undone(Failure),
    /// The next recovery finishes or undoes it.
    Unknown(Failure),
}

/// What is left of a change in the folder of caches is of no use once it was applied, or was not.
pub(super) fn forget_folder(folder: &Path) {
    match fs_err::remove_dir_all(folder) {
        Ok(()) => {}
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => tracing::warn!(%error, "what was staged for a change stays in the cache"),
    }
}

/// The same pkginfo in other catalogs.
pub(super) fn with_catalogs(
    pkginfo: &[u8],
    catalogs: &[String],
) -> Result<Vec<u8>, Box<dyn std::error::Error>> {
    let mut pkginfo = proplist::from_bytes(pkginfo)?;
    let names = catalogs.iter().map(|name| Value::from(name.as_str()));
    match &mut pkginfo {
        Value::Dict(pkginfo) => {
            pkginfo.insert("catalogs".to_owned(), Value::Array(names.collect()));
        }
        _ => return Err("it holds no dictionary".into()),
    }
    Ok(to_xml(&pkginfo, KeyOrder::Sorted)?.into_bytes())
}

/// The stays that begin and end by a move.
fn stays<'a>(
    moved: &'a Move,
    hand: Option<&'a Hand>,
    now: Timestamp,
) -> impl Iterator<Item = RingStay> + 'a {
    let passage = move || Passage {
        at: now,
        why: moved.why.as_str().to_owned(),
        by: hand.map(|hand| hand.by.clone()),
    };
    let stay = move |catalog: &String, left| RingStay {
        pkginfo: moved.pkginfo.clone(),
        name: moved.name.clone(),
        version: moved.version.clone(),
        catalog: catalog.clone(),
        entered: passage(),
        left,
    };
    let left = moved.from.iter().filter(|name| !moved.to.contains(name));
    let entered = moved.to.iter().filter(|name| !moved.from.contains(name));
    left.map(move |catalog| stay(catalog, Some(passage())))
        .chain(entered.map(move |catalog| stay(catalog, None)))
}
