//! Transfers that end: watched, bounded, and without questions to anybody.

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
        mpsc::{self, RecvTimeoutError},
    },
    thread,
    time::{Duration, Instant},
};

use git2::{
    Cred, CredentialType, ErrorClass, ErrorCode, FetchOptions, ProxyOptions, RemoteCallbacks,
};

use crate::{RepoAddress, RepoError};

/// How long a transfer may take and how much it may bring.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Limits {
    /// How long nothing may come.
    pub stall: Duration,
    /// How long everything together may take.
    pub total: Duration,
    /// How many bytes may come.
    pub received_bytes: u64,
}

impl Default for Limits {
    /// The largest public recipe repository has some hundred megabytes.
    fn default() -> Self {
        Self {
            stall: Duration::from_mins(1),
            total: Duration::from_mins(30),
            received_bytes: 4 << 30,
        }
    }
}

/// What the one who waits and the one who transfers know of each other.
#[derive(Debug, Default)]
pub(crate) struct Watch {
    signs_of_life: AtomicU64,
    given_up: AtomicBool,
    too_large: AtomicBool,
}

impl Watch {
    /// Something came; false if nobody waits for it any more.
    pub(crate) fn alive(&self) -> bool {
        self.signs_of_life.fetch_add(1, Ordering::Relaxed);
        !self.given_up.load(Ordering::Relaxed)
    }
}

/// Does `work` on a thread of its own, and stops waiting for it when it shows no sign of life or takes too long.
///
/// libgit2 has timeouts, but they can be set for the whole process only, and not without `unsafe`. A thread that was
/// given up ends by itself when its connection does or brings something; what it leaves is for `work` to remove.
pub(crate) fn watched<T, F>(address: &RepoAddress, limits: Limits, work: F) -> Result<T, RepoError>
where
    T: Send + 'static,
    F: FnOnce(&Arc<Watch>) -> Result<T, RepoError> + Send + 'static,
{
    let watch = Arc::new(Watch::default());
    let (sender, receiver) = mpsc::channel();
    let theirs = Arc::clone(&watch);
    let thread = thread::spawn(move || {
        // Nobody listens any more if the transfer was given up.
        sender.send(work(&theirs)).unwrap_or_default();
    });
    let begun = Instant::now();
    let mut seen = 0;
    loop {
        let left = limits.total.saturating_sub(begun.elapsed());
        match receiver.recv_timeout(limits.stall.min(left)) {
            Ok(result) => {
                // It has sent its result, so it is at its end; its panic, if any, came before that.
                thread.join().unwrap_or_default();
                return result;
            }
            Err(RecvTimeoutError::Timeout) => {
                let now = watch.signs_of_life.load(Ordering::Relaxed);
                if now == seen || begun.elapsed() >= limits.total {
                    watch.given_up.store(true, Ordering::Relaxed);
                    return Err(RepoError::TimedOut {
                        address: address.clone(),
                        waited: begun.elapsed(),
                    });
                }
                seen = now;
            }
            Err(RecvTimeoutError::Disconnected) => {
                return Err(RepoError::Git {
                    what: address.to_string(),
                    why: "the transfer broke off".to_owned(),
                });
            }
        }
    }
}

/// Options of a transfer that reports to `watch`, keeps to `limits`, goes through the proxy that git would take where TLS is
/// spoken, and offers only credentials that need nobody.
pub(crate) fn options<'a>(
    address: &'a RepoAddress,
    limits: Limits,
    watch: &'a Watch,
) -> FetchOptions<'a> {
    let mut callbacks = RemoteCallbacks::new();
    callbacks.transfer_progress(move |progress| {
        if u64::try_from(progress.received_bytes()).unwrap_or(u64::MAX) > limits.received_bytes {
            watch.too_large.store(true, Ordering::Relaxed);
            return false;
        }
        watch.alive()
    });
    callbacks.sideband_progress(|_| watch.alive());
    let mut keys = KeyRing::new(address);
    callbacks.credentials(move |_, _, allowed| keys.next(allowed));
    let mut proxy = ProxyOptions::new();
    // Without TLS libgit2 1.9 goes to the server itself, and tells it the proxy's password.
    if address.is_over_tls() {
        proxy.auto();
    }
    let mut options = FetchOptions::new();
    options.remote_callbacks(callbacks).proxy_options(proxy);
    options
}

/// What can be offered to a server, each once: libgit2 asks until it gets an error.
struct KeyRing {
    user: String,
    agent: bool,
    files: std::vec::IntoIter<PathBuf>,
    named: bool,
}

impl KeyRing {
    fn new(address: &RepoAddress) -> Self {
        let home = std::env::home_dir().unwrap_or_default();
        let files: Vec<PathBuf> = ["id_ed25519", "id_ecdsa", "id_rsa"]
            .iter()
            .map(|name| home.join(".ssh").join(name))
            .filter(|path| path.is_file())
            .collect();
        Self {
            user: address.user().to_owned(),
            agent: std::env::var_os("SSH_AUTH_SOCK").is_some(),
            files: files.into_iter(),
            named: false,
        }
    }

    fn next(&mut self, allowed: CredentialType) -> Result<Cred, git2::Error> {
        if allowed.contains(CredentialType::USERNAME) && !self.named {
            self.named = true;
            return Cred::username(&self.user);
        }
        if allowed.contains(CredentialType::SSH_KEY) {
            if self.agent {
                self.agent = false;
                return Cred::ssh_key_from_agent(&self.user);
            }
            if let Some(file) = self.files.next() {
                return Cred::ssh_key(&self.user, None, &file, None);
            }
        }
        Err(git2::Error::new(
            ErrorCode::Auth,
            ErrorClass::Callback,
            "no credentials are left to offer",
        ))
    }
}

/// What went wrong with a transfer.
pub(crate) fn transfer_error(
    error: &git2::Error,
    address: &RepoAddress,
    limits: Limits,
    watch: &Watch,
) -> RepoError {
    let address = address.clone();
    let why = without_users(&address.scrub(error.message()));
    if watch.too_large.load(Ordering::Relaxed) {
        return RepoError::TooLarge {
            address,
            limit_bytes: limits.received_bytes,
        };
    }
    match (error.code(), error.class()) {
        _ if why.starts_with("proxy ") => RepoError::Proxy { address, why },
        (ErrorCode::Auth, _) => RepoError::Credentials { address },
        (ErrorCode::Certificate, _) | (_, ErrorClass::Ssl) => {
            RepoError::Certificate { address, what: why }
        }
        (ErrorCode::Owner, _) => RepoError::Owner {
            folder: PathBuf::from(address.expose()),
        },
        (ErrorCode::NotFound, _) | (_, ErrorClass::Net | ErrorClass::Ssh | ErrorClass::Http) => {
            RepoError::Unreachable { address, why }
        }
        // Sockets fail in the class of the system's errors, as disks do.
        (_, ErrorClass::Os) if why.starts_with("failed to connect") => {
            RepoError::Unreachable { address, why }
        }
        _ => RepoError::Git {
            what: address.to_string(),
            why,
        },
    }
}

/// `text` without users and passwords of the addresses in it: libgit2 quotes that of a proxy whole if it cannot read it.
fn without_users(text: &str) -> String {
    let mut pieces = text.split("://");
    let mut shown = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let end = piece
            .find(|letter: char| letter.is_whitespace() || letter == '\'')
            .unwrap_or(piece.len());
        let (address, rest) = piece.split_at(end);
        let host = address.rsplit_once('@').map_or(address, |(_, host)| host);
        shown.extend(["://", host, rest]);
    }
    shown
}

/// What went wrong in a folder.
pub(crate) fn folder_error(error: &git2::Error, folder: &Path) -> RepoError {
    let folder = folder.to_owned();
    match (error.code(), error.class()) {
        (ErrorCode::Owner, _) => RepoError::Owner { folder },
        (ErrorCode::Locked, _) => RepoError::Locked {
            folder,
            why: error.message().to_owned(),
        },
        (ErrorCode::NotFound, ErrorClass::Repository) => RepoError::NotARepository { folder },
        _ => RepoError::Git {
            what: format!("`{}`", folder.display()),
            why: error.message().to_owned(),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quoted_addresses_lose_their_users() {
        let check = |text: &str, shown: &str| assert_eq!(without_users(text), shown);
        check(
            "invalid URL: 'http://ann:pw/1@2@p:x'",
            "invalid URL: 'http://p:x'",
        );
        check(
            "no 'a://u@h/x' and no b://h c@d",
            "no 'a://h/x' and no b://h c@d",
        );
        check("nothing of the kind", "nothing of the kind");
    }
}
