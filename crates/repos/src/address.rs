//! Where a repository comes from, and the name of the folder it is kept in.

use std::fmt;

use redact::{SafeUrl, Scrubber};

use crate::RepoError;

/// The address of a recipe repository, made whole. It is shown without what may be secret in it.
#[derive(Clone, Eq, PartialEq)]
pub struct RepoAddress {
    text: String,
}

impl RepoAddress {
    /// Makes whole what people type: `recipes` and `owner/repo` lie on GitHub, `user@host:path` is reached over ssh,
    /// URLs and paths stay as they are.
    ///
    /// # Errors
    /// If it is empty, or holds control characters.
    ///
    /// # Source
    /// `AutoPkg` 2.9.1, `expand_repo_url`.
    pub fn parse(text: &str) -> Result<Self, RepoError> {
        let text = text.trim_end_matches('/');
        if text.is_empty() || text.chars().any(char::is_control) {
            return Err(RepoError::Address {
                given: SafeUrl::of_text(text),
            });
        }
        let is_path = text.starts_with(['/', '~']);
        let whole = if is_path || Parts::of(text).scheme.is_some() {
            text.to_owned()
        } else if text
            .find(':')
            .is_some_and(|colon| text.find('/').is_none_or(|slash| colon < slash))
        {
            format!("ssh://{}", text.replacen(':', "/", 1))
        } else if text.contains('/') {
            format!("https://github.com/{text}")
        } else {
            format!("https://github.com/autopkg/{text}")
        };
        Ok(Self { text: whole })
    }

    /// The address with all it holds. To be kept, never to be shown.
    pub fn expose(&self) -> &str {
        &self.text
    }

    /// Whether it names a folder of this machine by its path.
    pub fn is_path(&self) -> bool {
        Parts::of(&self.text).host.is_empty() && self.text.starts_with(['/', '~'])
    }

    /// Whether it is reached by HTTP over TLS.
    pub(crate) fn is_over_tls(&self) -> bool {
        let scheme = Parts::of(&self.text).scheme;
        scheme.is_some_and(|scheme| scheme.eq_ignore_ascii_case("https"))
    }

    /// The folder of the repository: the host's labels in reverse and the path without its last extension, joined by
    /// full stops.
    ///
    /// # Errors
    /// If that is no name for a folder.
    ///
    /// # Source
    /// `AutoPkg` 2.9.1, `get_recipe_repo`.
    pub fn folder_name(&self) -> Result<String, RepoError> {
        let parts = Parts::of(&self.text);
        let host = parts
            .host
            .split_once('@')
            .map_or(parts.host, |(_, host)| host);
        let host = host.split(':').next().unwrap_or_default();
        let labels: Vec<&str> = host.split('.').rev().collect();
        let path = without_extension(parts.path).replace('/', ".");
        let name = format!("{}{path}", labels.join("."));
        if name.chars().all(|letter| letter == '.') {
            return Err(RepoError::Address {
                given: SafeUrl::of_text(&self.text),
            });
        }
        Ok(name)
    }

    /// `text` of another program without this address and the secrets in it.
    pub(crate) fn scrub(&self, text: &str) -> String {
        let text = text.replace(&self.text, &self.to_string());
        let mut scrubber = Scrubber::new();
        if let Some(password) = self.password() {
            scrubber.learn(password);
        }
        scrubber.scrub(&text)
    }

    /// The user that an ssh address names; `git` if it names none.
    pub(crate) fn user(&self) -> &str {
        let host = Parts::of(&self.text).host;
        let user = host.split_once('@').map_or("", |(user, _)| user);
        match user.split(':').next() {
            None | Some("") => "git",
            Some(user) => user,
        }
    }

    fn password(&self) -> Option<&str> {
        let (user_and_password, _) = Parts::of(&self.text).host.rsplit_once('@')?;
        let password = user_and_password
            .split_once(':')
            .map(|(_, password)| password);
        // GitHub takes a token in the place of the user as well.
        Some(password.unwrap_or(user_and_password))
    }
}

impl fmt::Display for RepoAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts = Parts::of(&self.text);
        let user = parts.host.rsplit_once('@').map(|(user, _)| user);
        // The user of an ssh address is a login that everybody shares, usually `git`.
        let plain = user.is_none_or(|user| parts.scheme == Some("ssh") && !user.contains(':'));
        if plain && !self.text.contains(['?', '#']) {
            f.write_str(&self.text)
        } else {
            write!(f, "{}", SafeUrl::of_text(&self.text))
        }
    }
}

impl fmt::Debug for RepoAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RepoAddress({self})")
    }
}

/// The parts of an address as Python's `urlparse` finds them, on which the names of folders depend.
struct Parts<'a> {
    scheme: Option<&'a str>,
    host: &'a str,
    path: &'a str,
}

impl<'a> Parts<'a> {
    fn of(text: &'a str) -> Self {
        let is_scheme = |scheme: &str| {
            scheme.starts_with(|first: char| first.is_ascii_alphabetic())
                && scheme
                    .chars()
                    .all(|letter| letter.is_ascii_alphanumeric() || "+-.".contains(letter))
        };
        let (scheme, rest) = match text.split_once(':') {
            Some((scheme, rest)) if is_scheme(scheme) => (Some(scheme), rest),
            _ => (None, text),
        };
        let (host, path) = match rest.strip_prefix("//") {
            Some(rest) => rest.split_at_checked(rest.find(['/', '?', '#']).unwrap_or(rest.len())),
            None => None,
        }
        .unwrap_or(("", rest));
        let path = path.split(['?', '#']).next().unwrap_or_default();
        Self { scheme, host, path }
    }
}

/// As `os.path.splitext`: full stops at the beginning of the last part make no extension.
fn without_extension(path: &str) -> &str {
    let name = path.rsplit('/').next().unwrap_or_default();
    match path.rsplit_once('.') {
        Some((stem, extension))
            if !extension.contains('/') && name.trim_start_matches('.').len() > extension.len() =>
        {
            stem
        }
        _ => path,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(given: &str, whole: &str, folder: &str) {
        let address = RepoAddress::parse(given).unwrap();
        assert_eq!(address.expose(), whole);
        assert_eq!(address.folder_name().unwrap(), folder);
    }

    #[test]
    fn short_forms_are_made_whole_and_folders_named_as_by_autopkg() {
        let github = "https://github.com";
        check(
            "recipes",
            &format!("{github}/autopkg/recipes"),
            "com.github.autopkg.recipes",
        );
        check("a/b/", &format!("{github}/a/b"), "com.github.a.b");
        check(
            "git@github.com:a/b.git",
            "ssh://git@github.com/a/b.git",
            "com.github.a.b",
        );
        check("user@h:x/y", "ssh://user@h/x/y", "h.x.y");
        check("host:path", "host:path", "path");
        check("ssh://git@h:22/x", "ssh://git@h:22/x", "h.x");
        check("/tmp/x/", "/tmp/x", ".tmp.x");
        check("~/x", "~/x", "~.x");
        check("file:///srv/r.git", "file:///srv/r.git", ".srv.r");
        check(
            "https://u:p@h.example:8443/a/b.git",
            "https://u:p@h.example:8443/a/b.git",
            "example.h.a.b",
        );
        check("https://h/.b", "https://h/.b", "h..b");
    }

    #[test]
    fn what_names_no_folder_is_refused() {
        assert!(RepoAddress::parse("").is_err());
        assert!(RepoAddress::parse("//").is_err());
        assert!(RepoAddress::parse("a\nb").is_err());
        assert!(
            RepoAddress::parse("https://")
                .unwrap()
                .folder_name()
                .is_err()
        );
        assert!(
            RepoAddress::parse("file:///..")
                .unwrap()
                .folder_name()
                .is_err()
        );
    }

    #[test]
    fn secrets_are_not_shown_and_logins_are() {
        let shown = |text: &str| RepoAddress::parse(text).unwrap().to_string();
        assert_eq!(shown("https://me:s3cret-token@h/a"), "https://h/a");
        assert_eq!(shown("https://s3cret-token@h/a"), "https://h/a");
        assert_eq!(shown("https://h/a?token=s3cret"), "https://h/a?token=…");
        assert_eq!(shown("git@h:a/b"), "ssh://git@h/a/b");
        assert_eq!(shown("ssh://git@h:22/a"), "ssh://git@h:22/a");
        assert_eq!(shown("ssh://git:s3cret@h/a"), "ssh://h/a");
        assert_eq!(shown("recipes"), "https://github.com/autopkg/recipes");
        let address = RepoAddress::parse("https://me:s3cret-token@h/a").unwrap();
        assert_eq!(format!("{address:?}"), "RepoAddress(https://h/a)");
        assert_eq!(
            address.scrub("no https://me:s3cret-token@h/a, s3cret-token"),
            "no https://h/a, ***"
        );
    }
}
