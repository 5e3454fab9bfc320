//! Signatures of Sparkle's feeds.

use model::FailureClass;
use proofs::{
    Check, Outcome,
    sparkle::{Signatures, judge, keys_in},
};

use super::{note, on_file};
use crate::{Download, StepContext, StepError};

/// The check where there is nothing to check; one that is made is called after its key.
const NOTHING: &str = "sparkle-signature";

/// Judges a file by the signatures of its feed, the keys that were accepted before, and those of the application in it.
///
/// # Errors
/// If the signatures are nobody's.
pub(super) async fn check(
    context: &StepContext,
    download: &Download,
    signatures: Signatures,
) -> Result<(), StepError> {
    if signatures.is_empty() {
        let why = "the feed gives no signature of this file";
        note(context, Check::new(NOTHING, Outcome::NotMade, why));
        return Ok(());
    }
    let pinned = context.proofs.pinned.clone();
    let (unusable, judgement) = on_file(&download.path, move |path| {
        let own = keys_in(path);
        let judgement = judge(path, &signatures, &pinned, &own.keys)?;
        Ok((own.unusable, judgement))
    })
    .await?;
    for why in unusable {
        note(context, Check::new(NOTHING, Outcome::NotMade, why));
    }
    for check in judgement.checks {
        note(context, check);
    }
    for key in judgement.keys {
        context.proofs.note_key(key);
    }
    match judgement.refusal {
        None => Ok(()),
        Some(why) => Err(StepError::new(FailureClass::CodeSignature, why).with_next_step(
            "Do not install this download: it is not what the vendor signed. Run the title again in a while; if it \
             stays, ask the vendor through a known contact.",
        )),
    }
}
