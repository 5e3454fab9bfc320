//! Which names announce a secret.

/// Parts of names whose values are taken to be secret.
const TELLING: [&str; 8] = [
    "TOKEN",
    "PASSWORD",
    "PASSWD",
    "SECRET",
    "API_KEY",
    "APIKEY",
    "CREDENTIAL",
    // The header of a request.
    "AUTHORIZATION",
];

/// Whether a variable, preference or header of this name is taken to be secret.
pub fn is_secret_name(name: &str) -> bool {
    let upper = name.to_ascii_uppercase().replace('-', "_");
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
        assert!(is_secret_name("X-Api-Key") && is_secret_name("authorization"));
        assert!(!is_secret_name("GITHUB_TOKEN_PATH"));
        assert!(!is_secret_name("NAME"));
    }
}
