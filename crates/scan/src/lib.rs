//! What malware scanners say of one SHA-256.
//!
//! [`VirusTotal::ask`] answers for one [`Medium`] with facts: a [`ScanReport`], or when to ask again, or why there is
//! no report. It never waits for an analysis: what was asked, uploaded and answered is in the store, so a run can be
//! parked, the process can be stopped, and the next `ask` goes on where the last one ended.
//!
//! ```ignore
//! let scanner = VirusTotal::new(config, db, clock)?;
//! match scanner.ask(&medium).await? {
//!     Answer::Report(report) => act(policy.action(&assess(&report, &thresholds))),
//!     Answer::None(why) => act(policy.action(&Assessment::Inconclusive(why.into()))),
//!     Answer::Pending { ask_again_at } => park(ask_again_at),
//! }
//! ```
//!
//! **Invariants**
//! - The client gives facts; what they mean is the pure functions [`assess`] and [`Policy::action`].
//! - No request is made that the quota does not allow; every request counts, and the counts survive a restart.
//! - A file is uploaded by one process at a time, streamed, and only if its owner allowed it.
//! - The key leaves for the configured host and `VirusTotal`'s own hosts only; redirects are never followed.
//! - Answers are bounded, and their texts are shortened and freed of control characters.
//!
//! [`Clamd`] asks `ClamAV`'s daemon, which needs no internet; a [`ScanWaiver`](store::ScanWaiver) of a person takes the
//! engines that it names out of a report ([`ScanReport::without`]).
//!
//! [`Yara`] holds what is in media against rules of the operator's own.
//!
//! The transport is ours, because the crate `virustotal3` has a fixed address, no upload by upload URL, no analyses
//! and no look at the status of an answer; its types decode what they cover.
//!
//! # Source
//! `VirusTotal` API v3 reference, <https://docs.virustotal.com/reference/overview>.
#![forbid(unsafe_code)]

mod ask;
mod assess;
mod clamd;
mod client;
mod config;
mod error;
mod quota;
mod report;
mod transport;
mod waiver;
mod yara;

#[cfg(test)]
mod tests;

pub use ask::{Answer, Medium, NoReport};
pub use assess::{Action, Assessment, Inconclusive, Policy, Thresholds, assess};
pub use clamd::{
    CLAMD, Clamd, ClamdConfig, ClamdError, ClamdPolicy, Engine as ClamdEngine, Opinion,
    Verdict as ClamdVerdict, opinion_in,
};
pub use client::{AnalysisState, DIRECT_UPLOAD_LIMIT, LookUp, UPLOAD_LIMIT, VirusTotal};
pub use config::Config;
pub use error::ScanError;
pub use report::{Category, Flag, ScanReport, Stats};
pub use waiver::is_waived;
pub use yara::{
    Finding, Look as YaraLook, YARA, Yara, YaraConfig, YaraError, YaraOpinion, YaraPolicy, yara_in,
};
