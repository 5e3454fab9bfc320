//! What the rings and their rules mean for a run that is about to publish.

use model::{FailureClass, Sha256, Timestamp};
use publication::{ChangeSet, Kind, RuleKind, ShelfItem};
use store::{Passage, RingStay};

use super::change::with_catalogs;
use crate::{Engine, Event, Failure, Reporter, engine::blocking, pending::Pending};

impl Engine {
    /// Whether what is to be published may be: what was recalled may not. Answers until when it has to wait, if it is
    /// not old enough.
    ///
    /// # Errors
    /// A held failure for a version that was recalled; or if the database fails.
    pub(crate) async fn check_rings(
        &self,
        pending: &Pending,
    ) -> Result<Option<Timestamp>, Failure> {
        if pending.items.is_empty() {
            return Ok(None);
        }
        let rules = self.rules_that_hold().await?;
        let mut until = None;
        for item in &pending.items {
            let mut about = rules
                .iter()
                .filter(|(rule, _)| rule.is_about_version(&item.name, &item.version));
            let recall = about
                .clone()
                .find(|(rule, _)| rule.kind == RuleKind::Recall);
            if let Some((_, recall)) = recall {
                return Err(Failure::new(
                    FailureClass::ReRelease,
                    format!(
                        "{} {} was recalled by {} on {}: {}",
                        item.name, item.version, recall.made_by, recall.made_at, recall.reason
                    ),
                )
                .with_advice(format!(
                    "Nothing, until the vendor releases another version. If the recall was a mistake, end it with \
                     `auto-update ring end {}`.",
                    recall.id
                ))
                .held());
            }
            let is_urgent = about.any(|(rule, _)| rule.kind == RuleKind::Urgent);
            if let Some(seen_at) = pending.seen_at.filter(|_| !is_urgent) {
                until = until.max(Some(seen_at.plus(self.rings().minimum_age(&item.name))));
            }
        }
        let now = self.parts.clock.now();
        Ok(until.filter(|until| *until > now))
    }

    /// Takes what is to be published out of rings that a rule keeps it out of. What has evidence already is about to be
    /// published for the second time, and stays as it is.
    ///
    /// # Errors
    /// If a staged pkginfo cannot be read or written, or the database fails.
    pub(crate) async fn keep_out_of_rings(
        &self,
        pending: &mut Pending,
        reporter: &dyn Reporter,
    ) -> Result<(), Failure> {
        if self.rings().is_empty() || pending.change_set.of_kind(Kind::Evidence).next().is_some() {
            return Ok(());
        }
        let rules = self.rules_that_hold().await?;
        if rules.is_empty() {
            return Ok(());
        }
        let mut told = Vec::new();
        let staged = &mut pending.change_set.files;
        for file in staged.iter_mut().filter(|file| file.kind == Kind::Pkgsinfo) {
            let contents = fs_err::read(&file.source).map_err(|error| unusable(&error))?;
            let Ok(item) = ShelfItem::read(&file.location, &contents) else {
                continue;
            };
            let mut catalogs = item.catalogs.clone();
            for ring in &self.rings().ring {
                let against = rules
                    .iter()
                    .find(|(rule, _)| rule.keeps_out(&item, &ring.catalog));
                let Some((_, stored)) = against.filter(|_| item.is_in(&ring.catalog)) else {
                    continue;
                };
                catalogs.retain(|name| *name != ring.catalog);
                told.push(format!(
                    "{} {} does not come into `{}`: {} by {} ({})",
                    item.name,
                    item.version,
                    ring.catalog,
                    stored.kind,
                    stored.made_by,
                    stored.reason
                ));
            }
            if catalogs == item.catalogs {
                continue;
            }
            if catalogs.is_empty() {
                catalogs.push(self.rings().withdrawn.clone());
            }
            let bytes = with_catalogs(&contents, &catalogs).map_err(|error| unusable(&*error))?;
            // Beside what is staged: a crash may come before this is written down, and what was staged is needed then.
            let mut source = file.source.clone().into_os_string();
            source.push(".kept-out");
            file.source = source.into();
            fs_err::write(&file.source, &bytes).map_err(|error| unusable(&error))?;
            file.sha256 = Sha256::of(&bytes);
            file.len_bytes = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        }
        for text in &told {
            reporter.report(&Event::Warned { text });
        }
        if let Some(record) = &mut pending.record {
            record.warnings.extend(told);
        }
        Ok(())
    }

    /// Notes in which catalogs is now what a run has published.
    ///
    /// # Errors
    /// If the database fails.
    pub(crate) async fn note_offers(
        &self,
        change_set: &ChangeSet,
        now: Timestamp,
    ) -> Result<(), Failure> {
        let files: Vec<_> = change_set.of_kind(Kind::Pkgsinfo).cloned().collect();
        let stays = blocking(move || {
            let mut stays = Vec::new();
            for file in files {
                // A run that is finished after a crash may have lost what it staged: the next look notes it then.
                let Ok(contents) = fs_err::read(&file.source) else {
                    continue;
                };
                let Ok(item) = ShelfItem::read(&file.location, &contents) else {
                    continue;
                };
                stays.extend(item.catalogs.iter().map(|catalog| RingStay {
                    pkginfo: item.pkginfo.clone(),
                    name: item.name.clone(),
                    version: item.version.clone(),
                    catalog: catalog.clone(),
                    entered: Passage {
                        at: now,
                        why: "published".to_owned(),
                        by: None,
                    },
                    left: None,
                }));
            }
            Ok(stays)
        })
        .await?;
        Ok(self.parts.db.ring_stay_note(&stays).await?)
    }
}

fn unusable(error: &dyn std::error::Error) -> Failure {
    Failure::from_error(FailureClass::Internal, error)
}
