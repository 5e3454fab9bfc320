//! Downloads: one pass to disk through SHA-256, resumable, conditional, bounded.
//!
//! # Words
//! - A [`Request`] is what a recipe asks for: address, headers, the natively understood part of `curl_opts`.
//! - A [`Pending`] download lies complete beside its place, hashed; [`Pending::place`] puts it there.
//! - A [`Downloaded`] file is in its place but **uncommitted**: its [`Validators`] are not stored yet. A run calls
//!   [`Downloaded::commit`] after it has succeeded; until then the next run downloads again, so that a failed run
//!   can never make the next one believe that nothing changed.
//! - [`Cached`] is what is known of a file that is already there.
//!
//! # Example
//! ```no_run
//! # async fn example() -> Result<(), fetch::FetchError> {
//! let fetcher = fetch::Fetcher::new(fetch::Settings::default())?;
//! let request = fetch::Request::get("https://vendor.example/App.dmg")?;
//! let target = std::path::Path::new("downloads/App.dmg");
//! if let fetch::Fetched::New(pending) = fetcher.download(&request, target, &|_, _| {}).await? {
//!     let downloaded = pending.place(target)?;
//!     println!("{} {}", downloaded.sha256, downloaded.path.display());
//!     // verify, scan, publish; then:
//!     downloaded.commit()?;
//! }
//! # Ok(()) }
//! ```
//!
//! # Invariants
//! - Plain `http` is refused unless the [`Request`] says what the plan pins, or [`Settings`] allow the host;
//!   a redirect from `https` to `http` is refused always. What is asked for in the sandbox is only read so, and never
//!   on this machine or in its network.
//! - A body is never held in memory, except a text up to [`Settings::max_text_bytes`].
//! - What was received before a cut is used again only if the server says by a strong validator that it is the same
//!   file.
//! - Every wait has a limit, every body a size limit, every chain of redirects a length limit.
//! - No secret part of an address reaches an error text.
//!
//! # Sources
//! RFC 9110 §8.8 (validators), §13 (conditions), §14 (ranges), §15.4 (redirects); curl(1) for what recipes put into
//! `curl_opts`; AutoPkg's `URLGetter.py` and `URLDownloader.py` for names of attributes and texts of errors.
#![forbid(unsafe_code)]

mod brief;
mod client;
mod curl;
mod download;
mod error;
mod hosts;
mod part;
mod plain;
mod request;
mod settings;
mod spent;
mod state;
mod text;

pub use brief::{Unfinished, briefly, caught, is_on_one_thread};
pub use client::Fetcher;
pub use download::{Fetched, Pending};
pub use error::FetchError;
pub use hosts::{Passage, Turnstile};
pub use request::{Pin, PlainHttp, Request};
pub use settings::{RetryPolicy, Settings};
pub use spent::Renewal;
pub use state::{Cached, Commit, Downloaded, Validators};
pub use text::{Head, Text};

#[cfg(test)]
mod tests;
