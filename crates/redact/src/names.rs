//! Which names announce a secret.

/// Parts of names whose values are taken to be secret.
const TELLING: [&str; 7] = [
    "TOKEN",
    "PASSWORD",
    "PASSWD",
    "SECRET",
    "API_KEY",
    "APIKEY",
    "CREDENTIAL",
];

/// Whether a variable or preference of this name is taken to be secret.
pub fn is_secret_name(name: &str) -> bool {
    let upper = name.to_ascii_uppercase();
    // The path of a file that holds a secret is none.
    TELLING.iter().any(|part| upper.contains(part)) && !upper.ends_with("_PATH")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_a_secret_from_its_place() {
        assert!(is_secret_name("GITHUB_TOKEN"));
        assert!(is_secret_name("smb_password"));
        assert!(!is_secret_name("GITHUB_TOKEN_PATH"));
        assert!(!is_secret_name("NAME"));
    }
}
