//! What `ClamAV`'s daemon says of a medium.

use scan::{Action, CLAMD, ClamdError, Medium, is_waived};
use store::ScanWaiver;

use super::{Gate, Heard, Said, hear::waiver_of_doubts};
use crate::{Failure, pending::Scanned};

impl Gate<'_> {
    pub(super) async fn clamd(&self, medium: &Scanned, waivers: &[ScanWaiver]) -> Heard {
        let Some(clamd) = &self.scanning.clamd else {
            return Heard::nothing();
        };
        let said = match clamd.ask(&Medium::from(medium)).await {
            Ok(opinion) => {
                let waived = opinion.objects() && is_waived(waivers, CLAMD);
                Said {
                    action: if waived {
                        Action::Warn
                    } else {
                        clamd.action(&opinion, self.clock.now())
                    },
                    is_malware: opinion.is_malware(),
                    text: opinion.to_string(),
                }
            }
            Err(error @ (ClamdError::File(_) | ClamdError::Store(_))) => {
                let class = model::FailureClass::Internal;
                return Heard::Failure(Failure::from_error(class, &error));
            }
            Err(error) => {
                tracing::warn!(%error, file.sha256 = %medium.sha256, "a second scanner cannot be asked");
                let action = clamd.policy().down;
                let is_waived = self.is_lenient() || waiver_of_doubts(waivers).is_some();
                if action == Action::Hold && !is_waived {
                    let again_at = self.clock.now().plus(self.scanning.scanner.poll_interval());
                    return Heard::Later(again_at, Some(error.to_string()));
                }
                Said {
                    action,
                    is_malware: false,
                    text: error.to_string(),
                }
            }
        };
        Heard::Said(match waiver_of_doubts(waivers) {
            Some(waiver) => said.waived(waiver),
            None => said,
        })
    }
}
