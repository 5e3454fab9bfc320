//! Who holds a lease, told apart from processes that are gone.

use std::fmt;

/// A process: host, number, and when it began, because numbers come again.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Owner {
    host: String,
    process: u32,
    began: String,
}

impl Owner {
    /// This process.
    pub fn of_this_process() -> Self {
        let process = std::process::id();
        Self {
            host: machine(),
            process,
            began: began(process).unwrap_or_else(|| "0".to_owned()),
        }
    }

    /// Whether the owner that calls itself `name` was a process of this host that is gone.
    pub fn is_gone(&self, name: &str) -> bool {
        let Some(other) = Self::parse(name) else {
            return false;
        };
        other.host == self.host && began(other.process).as_deref() != Some(other.began.as_str())
    }

    fn parse(name: &str) -> Option<Self> {
        let mut parts = name.rsplitn(3, '/');
        let began = parts.next()?.to_owned();
        let process = parts.next()?.parse().ok()?;
        let host = parts.next()?.to_owned();
        Some(Self {
            host,
            process,
            began,
        })
    }
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.host, self.process, self.began)
    }
}

/// The name of this machine.
pub fn machine() -> String {
    let line = |path: &str| {
        let text = fs_err::read_to_string(path).unwrap_or_default();
        text.trim().to_owned()
    };
    line("/proc/sys/kernel/hostname")
}

/// When a process began, in ticks since the machine did, behind the name of that boot; nothing if there is no such
/// process.
///
/// # Source
/// proc(5): `/proc/PID/stat`, field 22, counted behind the name in parentheses; `/proc/sys/kernel/random/boot_id`.
fn began(process: u32) -> Option<String> {
    let stat = fs_err::read_to_string(format!("/proc/{process}/stat")).ok()?;
    let (_, fields) = stat.rsplit_once(')')?;
    let mut fields = fields.split_whitespace();
    // A zombie holds nothing any more.
    let state = fields.next()?;
    if matches!(state, "Z" | "X") {
        return None;
    }
    let ticks = fields.nth(18)?;
    let boot = fs_err::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    Some(format!("{}-{ticks}", boot.trim()))
}

#[cfg(test)]
impl Owner {
    /// A process of another machine, which nobody here can tell to be gone.
    pub(crate) fn elsewhere() -> Self {
        Self {
            host: "another.example".to_owned(),
            ..Self::of_this_process()
        }
    }

    /// A process of this machine that is gone.
    pub(crate) fn gone() -> Self {
        Self {
            began: "another-boot-1".to_owned(),
            ..Self::of_this_process()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_the_living_from_the_gone() {
        let me = Owner::of_this_process();
        assert!(!me.is_gone(&me.to_string()));
        assert!(me.is_gone(&Owner::gone().to_string()));
        let elsewhere = Owner {
            began: "another-boot-1".to_owned(),
            ..Owner::elsewhere()
        };
        assert!(!me.is_gone(&elsewhere.to_string()), "nobody can tell");
        assert!(!me.is_gone("nonsense"));
    }
}
