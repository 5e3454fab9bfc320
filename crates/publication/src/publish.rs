//! Applying a change set: whole or not at all.

use model::{ChangeSetId, Timestamp};
use munki::{CatalogOptions, Report};

use crate::{
    Backend, ChangeSet, Disposition, Held, Kind, Point, PublicationObserver, PublishError,
    carry_out::{Work, carry_out},
    catalogs::CatalogsMade,
    journal::Journal,
    plan::Plan,
    recover::recover_locked,
    undo::undo,
};

/// What a publication did.
#[derive(Clone, Debug)]
pub struct Published {
    /// The change set's name.
    pub id: ChangeSetId,
    /// What became of each file: of those that were to be added, replaced and removed, each in this order.
    pub placements: Vec<Placement>,
    /// Catalogs whose bytes are new.
    pub catalogs: Vec<String>,
    /// What there was to say while the catalogs were made.
    pub report: Report,
}

/// What became of a file of the change set.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Placement {
    /// Of what kind it is.
    pub kind: Kind,
    /// Where it goes, or was.
    pub location: String,
    /// What became of it.
    pub disposition: Disposition,
}

/// Applies `change_set`, at `now`: whole, or not at all.
///
/// What an earlier publication left half done is finished or undone first. It waits while another process writes.
/// It is for a thread that may block.
///
/// # Errors
/// Whatever stopped it. The repository is then as before, but for [`PublishError::Stuck`].
pub fn publish(
    repository: &dyn Backend,
    change_set: &ChangeSet,
    options: CatalogOptions,
    observer: &dyn PublicationObserver,
    now: Timestamp,
) -> Result<Published, PublishError> {
    let held = repository.lock()?;
    recover_locked(repository, &*held)?;
    observer.reached(Point::Locked);
    let plan = Plan::make(repository, change_set, now)?;
    held.check()?;
    let journal = Journal::write(repository, &plan)?;
    observer.reached(Point::Journalled);
    let work = Work {
        repository,
        held: &*held,
        plan: &plan,
        options,
        observer,
    };
    let made = carry_out_or_undo(&work, journal)?;
    observer.reached(Point::Finished);
    Ok(Published {
        id: plan.id,
        placements: placements(plan),
        catalogs: made.changed,
        report: made.report,
    })
}

fn placements(plan: Plan) -> Vec<Placement> {
    let placement = |kind, location, disposition| Placement {
        kind,
        location,
        disposition,
    };
    let added = plan.files.into_iter();
    let added = added.map(|it| placement(it.change.kind, it.change.location, it.disposition));
    let replaced = plan.replacements.into_iter().map(|it| {
        let file = it.change.file;
        placement(file.kind, file.location, it.disposition)
    });
    let removed = plan.removals.into_iter();
    let removed = removed.map(|it| placement(it.change.kind, it.change.location, it.disposition));
    added.chain(replaced).chain(removed).collect()
}

fn carry_out_or_undo(work: &Work<'_>, journal: Journal<'_>) -> Result<CatalogsMade, PublishError> {
    match carry_out(work) {
        Ok(made) => {
            // Everything is in its place, so it is published; what the journal says is true, and done.
            if let Err(error) = journal.remove() {
                tracing::warn!(change_set.id = %work.plan.id, %error, "the journal stays until the next recovery");
            }
            Ok(made)
        }
        Err(cause) => Err(undo_or_leave(work, cause, journal).unwrap_or_else(|stuck| stuck)),
    }
}

/// Undoes what `cause` stopped, which is answered once nothing of it is left. Where the lock is lost nothing is
/// undone: who has it now does, or has done, what the journal says.
pub(crate) fn undo_or_leave(
    work: &Work<'_>,
    cause: PublishError,
    journal: Journal<'_>,
) -> Result<PublishError, PublishError> {
    let undone = Held::check(work.held).and_then(|()| undo(work));
    match undone {
        Ok(()) => {
            journal.remove()?;
            Ok(cause)
        }
        Err(undo) => Err(PublishError::Stuck {
            cause: Box::new(cause),
            undo: undo.to_string(),
        }),
    }
}
