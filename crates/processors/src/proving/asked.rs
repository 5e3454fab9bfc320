//! Proofs that the operator asks for, title by title.

use std::path::Path;

use fetch::Request;
use glob::Pattern;
use model::{FailureClass, Title, chain};
use proofs::{
    Algorithm, Check, Checksums, Digest, MinisignKey, MinisignSignature, OpenPgpKeys, Outcome,
};
use proplist::{Value, str_form};

use super::{digests::digest_of, note, on_file, refuse};
use crate::{Download, Env, StepContext, StepError, variables, web};

/// The largest list of checksums or signature that is fetched.
const LARGEST: u64 = 1 << 20;

/// A proof without which the operator takes nothing for a title.
#[derive(Clone, Debug)]
pub struct AskedProof {
    /// The title.
    pub title: Title,
    /// Which of its downloads must be proved, by their names.
    pub files: Pattern,
    /// By what.
    pub by: ProofBy,
}

/// By what a download is proved. Texts in which `%variables%` of the run are replaced say where that is.
#[derive(Clone, Debug)]
pub enum ProofBy {
    /// A list of checksums of the vendor's.
    Checksums {
        /// Where it is.
        address: String,
    },
    /// A digest that the recipe found.
    Digest {
        /// What it is.
        value: String,
    },
    /// A detached signature of minisign.
    Minisign {
        /// Where it is.
        address: String,
        /// Whose it must be.
        key: MinisignKey,
    },
    /// A detached `OpenPGP` signature.
    OpenPgp {
        /// Where it is.
        address: String,
        /// Of whom one must have made it.
        keys: OpenPgpKeys,
    },
}

impl ProofBy {
    /// What its check is called.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Checksums { .. } => "vendor-checksums",
            Self::Digest { .. } => "vendor-digest",
            Self::Minisign { .. } => "minisign",
            Self::OpenPgp { .. } => "openpgp",
        }
    }
}

impl AskedProof {
    /// Whether the file at `path` must be proved so.
    pub(super) fn is_about(&self, path: &Path) -> bool {
        let name = path.file_name().unwrap_or_default();
        self.files.matches(&name.to_string_lossy())
    }

    /// Proves the download.
    ///
    /// # Errors
    /// If it is not what the vendor vouches for, or the proof cannot be had: then nothing is known of the file.
    pub(super) async fn check(
        &self,
        context: &StepContext,
        env: &Env,
        download: &Download,
    ) -> Result<(), StepError> {
        match &self.by {
            ProofBy::Checksums { address } => {
                let list = text(&self.fetch(context, env, address).await?);
                self.check_list(context, download, &list).await
            }
            ProofBy::Digest { value } => {
                let value = self.fill(context, env, value)?;
                let stated = value
                    .parse()
                    .map_err(|error: proofs::DigestError| self.unusable(context, &chain(&error)))?;
                self.compare(context, download, &stated).await
            }
            ProofBy::Minisign { address, key } => {
                let signature = text(&self.fetch(context, env, address).await?);
                self.check_minisign(context, download, &signature, key.clone())
                    .await
            }
            ProofBy::OpenPgp { address, keys } => {
                let signature = self.fetch(context, env, address).await?;
                self.check_openpgp(context, download, signature, keys.clone())
                    .await
            }
        }
    }

    async fn check_list(
        &self,
        context: &StepContext,
        download: &Download,
        list: &str,
    ) -> Result<(), StepError> {
        let unusable = |error: proofs::ChecksumsError| self.unusable(context, &chain(&error));
        let list: Checksums = list.parse().map_err(unusable)?;
        let (served, stored) = names(download);
        // What the vendor calls the file goes before what the recipe calls it.
        let stated = match served.as_deref().map(|served| list.of(served)) {
            Some(Ok(stated)) => stated,
            Some(Err(error)) if served == stored => return Err(unusable(error)),
            _ => list
                .of(stored.as_deref().unwrap_or_default())
                .map_err(unusable)?,
        };
        self.compare(context, download, stated).await
    }

    async fn compare(
        &self,
        context: &StepContext,
        download: &Download,
        stated: &Digest,
    ) -> Result<(), StepError> {
        let found = digest_of(download, stated.algorithm()).await?;
        if found == *stated {
            let detail = match stated.algorithm() {
                Algorithm::Sha1 => format!("{stated}, which proves little"),
                _ => stated.to_string(),
            };
            note(context, Check::new(self.by.name(), Outcome::Pass, detail));
            return Ok(());
        }
        let why = format!("the vendor states {stated}, and the download has {found}");
        Err(
            refuse(context, FailureClass::Checksum, self.by.name(), why).with_next_step(
                "Do not install this download. If the vendor replaces files before their checksums, the next run \
                 passes; if it does not, ask the vendor through a known contact.",
            ),
        )
    }

    async fn check_minisign(
        &self,
        context: &StepContext,
        download: &Download,
        signature: &str,
        key: MinisignKey,
    ) -> Result<(), StepError> {
        let unusable = |error: &proofs::ProofError| self.unusable(context, &chain(error));
        let signature: MinisignSignature = signature.parse().map_err(|error| unusable(&error))?;
        let comment = signature.trusted_comment().to_owned();
        let shown = key.to_string();
        let verified = on_file(&download.path, move |path| {
            match key.verify(&signature, &mut std::fs::File::open(path)?) {
                Err(proofs::ProofError::Read(error)) => Err(error),
                verified => Ok(verified),
            }
        })
        .await?;
        match verified {
            Ok(()) => {
                let detail = format!("by the key {shown}: {}", comment.escape_debug());
                note(context, Check::new(self.by.name(), Outcome::Pass, detail));
                Ok(())
            }
            Err(error) => Err(self.not_signed(context, &chain(&error))),
        }
    }

    async fn check_openpgp(
        &self,
        context: &StepContext,
        download: &Download,
        signature: Vec<u8>,
        keys: OpenPgpKeys,
    ) -> Result<(), StepError> {
        let now = context.clock.now();
        let verified = on_file(&download.path, move |path| {
            let open = || {
                let file = std::fs::File::open(path)?;
                Ok(Box::new(file) as Box<dyn std::io::Read>)
            };
            match keys.verify(&signature, &open, now) {
                Err(proofs::ProofError::Read(error)) => Err(error),
                verified => Ok(verified),
            }
        })
        .await?;
        match verified {
            Ok(signer) => {
                let of = signer.subkey.map(|subkey| format!(", subkey {subkey}"));
                let detail = format!(
                    "by the key {}{}",
                    signer.fingerprint,
                    of.unwrap_or_default()
                );
                note(context, Check::new(self.by.name(), Outcome::Pass, detail));
                Ok(())
            }
            Err(error) => Err(self.not_signed(context, &chain(&error))),
        }
    }

    /// The text with the run's variables in it.
    fn fill(&self, context: &StepContext, env: &Env, text: &str) -> Result<String, StepError> {
        match variables::substitute(&Value::from(text), env) {
            (value, None) => Ok(str_form(&value)),
            (_, Some(name)) => {
                let why =
                    format!("the configuration refers to the variable `{name}`, which is not set");
                note(
                    context,
                    Check::new(self.by.name(), Outcome::Fail, why.clone()),
                );
                Err(StepError::configuration(why)
                    .with_next_step("Correct the title's entry in `[[signatures.proofs]]`."))
            }
        }
    }

    async fn fetch(
        &self,
        context: &StepContext,
        env: &Env,
        address: &str,
    ) -> Result<Vec<u8>, StepError> {
        let address = self.fill(context, env, address)?;
        let fetched = async {
            let request = Request::get(&address)?;
            context.fetcher.bytes(&request, LARGEST).await
        };
        fetched.await.map_err(|error| {
            let class = error.class();
            let why = format!("the proof cannot be had: {}", web::failure(error).message);
            refuse(context, class, self.by.name(), why).with_next_step(
                "Look whether the vendor still publishes it; without it nothing is known of the download. If it has \
                 moved, correct the title's entry in `[[signatures.proofs]]`.",
            )
        })
    }

    /// What was had is no proof.
    fn unusable(&self, context: &StepContext, why: &str) -> StepError {
        let class = match self.by {
            ProofBy::Checksums { .. } | ProofBy::Digest { .. } => FailureClass::Checksum,
            ProofBy::Minisign { .. } | ProofBy::OpenPgp { .. } => FailureClass::CodeSignature,
        };
        refuse(context, class, self.by.name(), why).with_next_step(
            "Look at what the vendor publishes in place of it, and correct the title's entry in \
             `[[signatures.proofs]]`.",
        )
    }

    fn not_signed(&self, context: &StepContext, why: &str) -> StepError {
        refuse(context, FailureClass::CodeSignature, self.by.name(), why).with_next_step(
            "Do not install this download: it is not what the vendor signed. Ask the vendor through a known contact.",
        )
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// What the vendor calls the file, and what the recipe does.
fn names(download: &Download) -> (Option<String>, Option<String>) {
    let address = download.address.as_ref();
    let address = address.and_then(|address| super::address(address.expose()));
    let served = address.and_then(|url| {
        let last = url.path_segments()?.next_back()?.to_owned();
        let last = percent_encoding::percent_decode_str(&last).decode_utf8();
        last.ok().map(std::borrow::Cow::into_owned)
    });
    let stored = download.path.file_name();
    let stored = stored.map(|name| name.to_string_lossy().into_owned());
    (served, stored)
}
