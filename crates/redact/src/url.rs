//! An address as it may be shown.

use std::fmt;

/// Shows a URL without what may be secret in it: user, password, query values, fragment.
///
/// Names of query parameters stay, because they help to find a fault and are not secret.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SafeUrl(String);

impl SafeUrl {
    /// What may be shown of `url`.
    pub fn of(url: &url::Url) -> Self {
        let mut shown = url.clone();
        shown.set_fragment(None);
        // Both fail only for addresses that cannot hold a user, and so hold none.
        if shown.set_username("").is_err() || shown.set_password(None).is_err() {
            return Self(format!("{}:…", url.scheme()));
        }
        let names: Vec<String> = url
            .query_pairs()
            .map(|(name, _)| name.into_owned())
            .collect();
        shown.set_query(None);
        let mut text = shown.to_string();
        for (index, name) in names.iter().enumerate() {
            text.push(if index == 0 { '?' } else { '&' });
            text.extend(url::form_urlencoded::byte_serialize(name.as_bytes()));
            text.push_str("=…");
        }
        Self(text)
    }

    /// What may be shown of `text`, which ought to be a URL; only its length if it is none.
    pub fn of_text(text: &str) -> Self {
        match url::Url::parse(text) {
            Ok(url) => Self::of(&url),
            Err(_) => Self(format!(
                "(an address of {} characters that cannot be read)",
                text.chars().count()
            )),
        }
    }
}

impl fmt::Display for SafeUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_host_path_and_parameter_names_only() {
        let shown = SafeUrl::of_text("https://me:pw@vendor.example/a/App.dmg?token=abc&x=1#frag");
        assert_eq!(
            shown.to_string(),
            "https://vendor.example/a/App.dmg?token=…&x=…"
        );
        assert_eq!(
            SafeUrl::of_text("https://vendor.example/").to_string(),
            "https://vendor.example/"
        );
    }

    #[test]
    fn shows_nothing_of_what_is_not_an_address() {
        assert!(!SafeUrl::of_text("hunter2").to_string().contains("hunter2"));
    }
}
