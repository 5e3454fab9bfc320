//! Digests that somebody states of a file.

use model::FailureClass;
use proofs::{Algorithm, Check, Digest, Outcome};

use super::{note, on_file, refuse};
use crate::{Download, StepContext, StepError};

const GITHUB: &str = "github-asset-digest";

/// Compares a file with what GitHub says of the asset.
///
/// # Errors
/// If it is another file.
pub(super) async fn check_github(
    context: &StepContext,
    download: &Download,
    asset: &str,
    stated: &str,
) -> Result<(), StepError> {
    let stated: Digest = match stated.parse() {
        Ok(stated) => stated,
        Err(error) => {
            note(
                context,
                Check::new(GITHUB, Outcome::NotMade, error.to_string()),
            );
            return Ok(());
        }
    };
    let found = digest_of(download, stated.algorithm()).await?;
    if found == stated {
        note(
            context,
            Check::new(GITHUB, Outcome::Pass, stated.to_string()),
        );
        return Ok(());
    }
    let why =
        format!("GitHub says that the asset '{asset}' has {stated}, and the download has {found}");
    Err(
        refuse(context, FailureClass::Checksum, GITHUB, why).with_next_step(
            "Do not install this download. Run the title again: an asset that was replaced in these minutes passes \
             then. If it does not, ask the project through a known contact.",
        ),
    )
}

/// The digest of a file; the one that was made while it came, if that is what is asked for.
pub(super) async fn digest_of(
    download: &Download,
    algorithm: Algorithm,
) -> Result<Digest, StepError> {
    if let (Algorithm::Sha256, Some(sha256)) = (algorithm, download.sha256)
        && let Ok(known) = Digest::new(algorithm, &sha256.to_string())
    {
        return Ok(known);
    }
    on_file(&download.path, move |path| {
        algorithm.of_reader(&mut std::fs::File::open(path)?)
    })
    .await
}
