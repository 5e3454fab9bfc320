//! The log as a chain: entries, each of which holds the digest of the line before it.

use model::{Sha256, Timestamp};
use serde::{Deserialize, Serialize};

use crate::{Code, Envelope, KeyId, PrivateKey, PublicKey, Refusal, Subject, Verified, canonical};

const ENTRY_TYPE: &str = "application/vnd.auto-update.log-entry+json";
const CHECKPOINT_TYPE: &str = "application/vnd.auto-update.log-checkpoint+json";

/// What an entry tells of.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Event {
    /// A change set is in the repository.
    Published {
        /// The change set.
        change_set: String,
        /// The title.
        title: String,
        /// The files, by path in the repository.
        files: Vec<Subject>,
    },
    /// What was published is offered to others, was replaced, or is gone.
    Changed {
        /// The change set.
        change_set: String,
        /// What was done: `moved`, `recalled`, `retired`, `restored`.
        what: String,
        /// What it was done to, each in words: `Firefox 1.0: testing -> testing, pilot (age)`.
        items: Vec<String>,
        /// The files that are there now instead of others.
        files: Vec<Subject>,
        /// The files that are gone.
        removed: Vec<Subject>,
        /// Who had it done; nobody if the service did it by its rules.
        by: Option<String>,
        /// Why, in a person's words.
        reason: Option<String>,
    },
    /// From the next entry on another key signs.
    KeyChanged {
        /// That key.
        to: PublicKey,
    },
}

impl Event {
    /// The change set that it tells of.
    pub fn change_set(&self) -> Option<&str> {
        match self {
            Self::Published { change_set, .. } | Self::Changed { change_set, .. } => {
                Some(change_set)
            }
            Self::KeyChanged { .. } => None,
        }
    }
}

/// An entry that a trusted key has signed.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Entry {
    /// Its place, from one.
    pub number: u64,
    /// When it was written.
    pub at: String,
    /// What it tells.
    pub event: Event,
    /// Which key has signed it.
    pub key: KeyId,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct WrittenEntry {
    schema: u32,
    number: u64,
    previous: Option<Sha256>,
    at: String,
    event: WrittenEvent,
}

#[derive(Deserialize, Serialize)]
#[serde(tag = "type", rename_all = "kebab-case", deny_unknown_fields)]
enum WrittenEvent {
    Published {
        change_set: String,
        title: String,
        files: Vec<WrittenFile>,
    },
    Changed {
        change_set: String,
        what: String,
        items: Vec<String>,
        files: Vec<WrittenFile>,
        removed: Vec<WrittenFile>,
        by: Option<String>,
        reason: Option<String>,
    },
    KeyChanged {
        to: String,
    },
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct WrittenFile {
    name: String,
    sha256: Sha256,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct WrittenCheckpoint {
    schema: u32,
    entries: u64,
    head: Sha256,
    at: String,
}

const SCHEMA: u32 = 1;

/// A log that was read.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Chain {
    /// Its entries, in order.
    pub entries: Vec<Entry>,
    /// The digest of each line.
    heads: Vec<Sha256>,
    /// Keys that may sign: those that were given, and those that were handed over to.
    pub keys: Vec<PublicKey>,
    /// How many bytes of the log are whole lines.
    pub whole_len: usize,
    /// How many bytes are behind them: an entry that a crash cut off.
    pub torn_len: usize,
}

impl Chain {
    /// The key that has to sign the next entry; nothing if any may.
    pub fn next_key(&self) -> Option<KeyId> {
        let last = self.entries.last()?;
        Some(match &last.event {
            Event::KeyChanged { to } => to.id(),
            Event::Published { .. } | Event::Changed { .. } => last.key,
        })
    }

    /// The digest of the last line.
    pub fn head(&self) -> Option<Sha256> {
        self.heads.last().copied()
    }

    /// The next entry, as the line that it will be.
    pub(crate) fn next_line(&self, event: &Event, at: Timestamp, key: &PrivateKey) -> Vec<u8> {
        let number = u64::try_from(self.entries.len()).unwrap_or(u64::MAX);
        let entry = WrittenEntry {
            schema: SCHEMA,
            number: number.saturating_add(1),
            previous: self.head(),
            at: at.to_string(),
            event: WrittenEvent::of(event),
        };
        line(ENTRY_TYPE, &entry, key)
    }

    /// Takes the next line, which does not end in an end of line.
    pub(crate) fn push(&mut self, line: &[u8]) -> Result<(), Refusal> {
        let number = u64::try_from(self.entries.len())
            .unwrap_or(u64::MAX)
            .saturating_add(1);
        let told = |refusal: Refusal| {
            Refusal::new(refusal.code, format!("entry {number}: {}", refusal.detail))
        };
        let verified = self.open(line).map_err(told)?;
        let written: WrittenEntry = read(&verified, ENTRY_TYPE).map_err(told)?;
        let broken = |why: &str| told(Refusal::new(Code::BrokenChain, why));
        if written.number != number {
            return Err(broken("it says that it has another place"));
        }
        if written.previous != self.head() {
            return Err(broken("it does not follow the entry before it"));
        }
        let event = written.event.into_event().map_err(told)?;
        if let Event::KeyChanged { to } = &event {
            self.keys.push(to.clone());
        }
        self.heads.push(Sha256::of(line));
        self.entries.push(Entry {
            number,
            at: written.at,
            event,
            key: verified.key,
        });
        Ok(())
    }

    /// Once an entry is signed, only its key may sign the next one, or the one that it hands over to.
    fn open(&self, line: &[u8]) -> Result<Verified, Refusal> {
        let next = self.next_key();
        let keys: Vec<PublicKey> = self
            .keys
            .iter()
            .filter(|key| next.is_none_or(|next| key.id() == next))
            .cloned()
            .collect();
        Envelope::parse(line)?.verify(&keys)
    }

    /// Holds a checkpoint against the chain: as many entries as it says must be there, and end as it says.
    pub(crate) fn check(&self, checkpoint: &[u8]) -> Result<(), Refusal> {
        let told = |refusal: Refusal| {
            Refusal::new(refusal.code, format!("the checkpoint: {}", refusal.detail))
        };
        let envelope = Envelope::parse(checkpoint.trim_ascii_end()).map_err(told)?;
        let verified = envelope.verify(&self.keys).map_err(told)?;
        let written: WrittenCheckpoint = read(&verified, CHECKPOINT_TYPE).map_err(told)?;
        let last = written.entries.checked_sub(1);
        let last = last.and_then(|last| usize::try_from(last).ok());
        match last.and_then(|last| self.heads.get(last)) {
            Some(head) if *head == written.head => Ok(()),
            Some(_) => Err(Refusal::new(
                Code::Checkpoint,
                format!(
                    "entry {} is not the one that was signed for",
                    written.entries
                ),
            )),
            None => Err(Refusal::new(
                Code::Checkpoint,
                format!(
                    "there were {} entries, and {} are left",
                    written.entries,
                    self.heads.len()
                ),
            )),
        }
    }

    /// A checkpoint of the chain as it is; nothing if it is empty.
    pub(crate) fn checkpoint(&self, at: Timestamp, key: &PrivateKey) -> Option<Vec<u8>> {
        let checkpoint = WrittenCheckpoint {
            schema: SCHEMA,
            entries: u64::try_from(self.heads.len()).unwrap_or(u64::MAX),
            head: self.head()?,
            at: at.to_string(),
        };
        Some(line(CHECKPOINT_TYPE, &checkpoint, key))
    }
}

impl WrittenEvent {
    fn of(event: &Event) -> Self {
        let written = |files: &[Subject]| files.iter().map(WrittenFile::of).collect();
        match event.clone() {
            Event::Published {
                change_set,
                title,
                files,
            } => Self::Published {
                change_set,
                title,
                files: written(&files),
            },
            Event::Changed {
                change_set,
                what,
                items,
                files,
                removed,
                by,
                reason,
            } => Self::Changed {
                change_set,
                what,
                items,
                files: written(&files),
                removed: written(&removed),
                by,
                reason,
            },
            Event::KeyChanged { to } => Self::KeyChanged {
                to: to.to_pem().unwrap_or_default(),
            },
        }
    }

    fn into_event(self) -> Result<Event, Refusal> {
        let read =
            |files: Vec<WrittenFile>| files.into_iter().map(WrittenFile::into_subject).collect();
        Ok(match self {
            Self::Published {
                change_set,
                title,
                files,
            } => Event::Published {
                change_set,
                title,
                files: read(files),
            },
            Self::Changed {
                change_set,
                what,
                items,
                files,
                removed,
                by,
                reason,
            } => Event::Changed {
                change_set,
                what,
                items,
                files: read(files),
                removed: read(removed),
                by,
                reason,
            },
            Self::KeyChanged { to } => Event::KeyChanged {
                to: PublicKey::from_pem(&to)
                    .map_err(|error| Refusal::new(Code::NoEntry, error.to_string()))?,
            },
        })
    }
}

impl WrittenFile {
    fn of(subject: &Subject) -> Self {
        Self {
            name: subject.name.clone(),
            sha256: subject.sha256,
        }
    }

    fn into_subject(self) -> Subject {
        Subject {
            name: self.name,
            sha256: self.sha256,
        }
    }
}

/// Reads a log, and holds every entry and the checkpoints against `keys` and those that they handed over to.
///
/// What is behind the last end of line was cut off by a crash, and counts as not written: a checkpoint is only ever
/// signed for whole lines, so it tells when more than that is gone.
///
/// # Errors
/// At the first thing that is not as it was written.
pub fn verify_log(
    log: &[u8],
    checkpoints: &[Vec<u8>],
    keys: &[PublicKey],
) -> Result<Chain, Refusal> {
    let mut chain = Chain {
        keys: keys.to_vec(),
        ..Chain::default()
    };
    for line in log.split_inclusive(|byte| *byte == b'\n') {
        let Some(whole) = line.strip_suffix(b"\n") else {
            chain.torn_len = line.len();
            break;
        };
        chain.push(whole)?;
        chain.whole_len = chain.whole_len.saturating_add(line.len());
    }
    for checkpoint in checkpoints {
        chain.check(checkpoint)?;
    }
    Ok(chain)
}

fn line(payload_type: &str, contents: &impl Serialize, key: &PrivateKey) -> Vec<u8> {
    // Numbers, texts and lists of them: there is nothing in it that JSON cannot hold.
    let value = serde_json::to_value(contents).unwrap_or_default();
    let envelope = Envelope::sign(payload_type, canonical::to_vec(&value), key);
    let mut line = envelope.to_line().into_bytes();
    line.push(b'\n');
    line
}

fn read<T: for<'de> Deserialize<'de>>(
    verified: &Verified,
    payload_type: &str,
) -> Result<T, Refusal> {
    if verified.payload_type != payload_type {
        let text = format!("it holds `{}`", verified.payload_type);
        return Err(Refusal::new(Code::PayloadType, text));
    }
    serde_json::from_slice(&verified.payload)
        .map_err(|error| Refusal::new(Code::NoEntry, error.to_string()))
}
