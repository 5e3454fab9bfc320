//! What YARA rules say of a medium, and of every file in it.

use std::{path::Path, sync::Arc};

use fs_err::File;
use media::{Entry, MediaError, Tree};
use model::FailureClass;
use scan::{Action, Medium, YARA, Yara, YaraOpinion, is_waived};
use store::ScanWaiver;

use super::{
    Gate, Heard, Said,
    hear::waiver_of_doubts,
    through::{Visitor, each_file, unreadable},
};
use crate::{Failure, engine::blocking, pending::Scanned};

impl Gate<'_> {
    pub(super) async fn yara(&self, medium: &Scanned, waivers: &[ScanWaiver]) -> Heard {
        let Some(yara) = &self.scanning.yara else {
            return Heard::nothing();
        };
        let opinion = match opinion(yara, medium).await {
            Ok(opinion) => opinion,
            Err(failure) => return Heard::Failure(failure),
        };
        let finds = !opinion.found.is_empty();
        let action = if finds && is_waived(waivers, YARA) {
            Action::Warn
        } else {
            yara.action(&opinion)
        };
        let said = Said {
            is_malware: finds && action == Action::Fail,
            action,
            text: opinion.to_string(),
        };
        Heard::Said(match waiver_of_doubts(waivers) {
            Some(waiver) => said.waived(waiver),
            None => said,
        })
    }
}

/// What the rules said before, if they are still the same, or else what they say now.
async fn opinion(yara: &Arc<Yara>, medium: &Scanned) -> Result<YaraOpinion, Failure> {
    let internal =
        |error: &dyn std::error::Error| Failure::from_error(FailureClass::Internal, error);
    let asked = Medium::from(medium);
    if let Some(opinion) = yara.kept(&asked).await.map_err(|error| internal(&error))? {
        return Ok(opinion);
    }
    let (rules, path) = (Arc::clone(yara), asked.path.clone());
    let opinion = blocking(move || {
        look_through(&rules, &path)
            .map_err(|error| Failure::from_error(FailureClass::Internal, &error))
    })
    .await?;
    let kept = yara.keep(&asked, &opinion).await;
    kept.map_err(|error| internal(&error))?;
    Ok(opinion)
}

/// Holds every file in the medium, and the medium itself, against the rules. Blocking.
fn look_through(yara: &Yara, path: &Path) -> Result<YaraOpinion, std::io::Error> {
    let mut look = Look(yara.look());
    let file = File::open(path)?;
    let len_bytes = file.metadata()?.len();
    let is_whole = match each_file(path, &mut look) {
        Ok(()) => true,
        // Its own bytes are all there is.
        Err(MediaError::Unknown { .. }) => false,
        Err(error) => {
            look.0.not_seen(format!("all of it ({error})"));
            false
        }
    };
    // What is in it was seen: that it is too large as a whole hides nothing.
    if !is_whole || look.0.takes(len_bytes) {
        look.0.file("", len_bytes, file)?;
    }
    Ok(look.0.opinion())
}

struct Look<'a>(scan::YaraLook<'a>);

impl Visitor for Look<'_> {
    fn file(&mut self, tree: &dyn Tree, entry: &Entry, shown: &str) -> Result<(), MediaError> {
        let media::Kind::File { len_bytes } = entry.kind else {
            return Ok(());
        };
        let file = tree.open(&entry.path)?;
        let looked = self.0.file(shown, len_bytes, file);
        looked.map_err(|source| unreadable(shown, source))
    }

    fn closed(&mut self, shown: &str, error: MediaError) -> Result<(), MediaError> {
        self.0.not_seen(format!("{shown} ({error})"));
        Ok(())
    }
}
