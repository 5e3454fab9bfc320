//! Recipe lists.

use std::{io, path::Path};

use proplist::{Dict, Value};

/// What a run is to do, as a list file says it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RecipeList {
    /// The recipes, in order.
    pub recipes: Vec<String>,
    /// Steps to put before each recipe's own.
    pub preprocessors: Vec<String>,
    /// Steps to put behind each recipe's own.
    pub postprocessors: Vec<String>,
    /// Variables for all of them: every other key of a property list.
    pub variables: Dict,
}

impl RecipeList {
    /// Reads a list: a property list with `recipes`, or text with one recipe a line.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub fn read(path: &Path) -> io::Result<Self> {
        fs_err::read(path).map(|bytes| Self::parse(&bytes))
    }

    /// Reads a list from its bytes. Lines of text are not trimmed; empty ones and those that begin with `#` are
    /// left out.
    pub fn parse(bytes: &[u8]) -> Self {
        if let Ok(Value::Dict(mut keys)) = proplist::from_bytes(bytes) {
            let mut texts = |key: &str| match keys.shift_remove(key) {
                Some(Value::Array(values)) => values
                    .iter()
                    .filter_map(Value::as_str)
                    .map(str::to_owned)
                    .collect(),
                _ => Vec::new(),
            };
            let (recipes, preprocessors, postprocessors) = (
                texts("recipes"),
                texts("preprocessors"),
                texts("postprocessors"),
            );
            return Self {
                recipes,
                preprocessors,
                postprocessors,
                variables: keys,
            };
        }
        let text = String::from_utf8_lossy(bytes);
        let recipes = text
            .lines()
            .filter(|line| !line.is_empty() && !line.starts_with('#'))
            .map(str::to_owned)
            .collect();
        Self {
            recipes,
            ..Self::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_taken_line_by_line_and_untrimmed() {
        let list = RecipeList::parse(b"A.munki\n\n# no\n #B \r\nC.munki");
        assert_eq!(list.recipes, ["A.munki", " #B ", "C.munki"]);
    }

    #[test]
    fn other_keys_of_a_property_list_are_variables() {
        let list = RecipeList::parse(
            b"<plist><dict><key>recipes</key><array><string>A</string></array><key>postprocessors</key>\
              <array><string>P</string></array><key>X</key><true/></dict></plist>",
        );
        assert_eq!(
            (list.recipes, list.postprocessors),
            (vec!["A".to_owned()], vec!["P".to_owned()])
        );
        assert_eq!(list.variables.get("X"), Some(&Value::Bool(true)));
        assert_eq!(list.variables.len(), 1);
    }
}
