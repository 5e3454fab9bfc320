//! Errors in one line.

use std::error::Error;

/// What `error` says, and what is underneath it, in one line: `cannot read the list: permission denied`.
pub fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    for cause in causes(error) {
        text.push_str(": ");
        text.push_str(&cause);
    }
    text
}

/// What is underneath `error`, one after the other. What an error says at its own end already is not said again: those of
/// databases do so.
pub fn causes(error: &dyn Error) -> Vec<String> {
    let mut causes = Vec::new();
    let mut above = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let text = cause.to_string();
        if !above.ends_with(&text) {
            causes.push(text.clone());
        }
        above = text;
        next = cause.source();
    }
    causes
}

#[cfg(test)]
mod tests {
    use std::{error::Error, fmt, io};

    use super::*;

    #[derive(Debug)]
    struct List(io::Error);

    impl fmt::Display for List {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("cannot read the list")
        }
    }

    impl Error for List {
        fn source(&self) -> Option<&(dyn Error + 'static)> {
            Some(&self.0)
        }
    }

    #[test]
    fn what_is_underneath_follows() {
        let error = List(io::Error::other("the disk is gone"));
        assert_eq!(chain(&error), "cannot read the list: the disk is gone");
    }

    #[test]
    fn what_was_said_already_is_not_said_again() {
        let error = List(io::Error::other("cannot read the list"));
        assert_eq!(chain(&error), "cannot read the list");
        assert_eq!(causes(&error), Vec::<String>::new());
    }
}
