//! Python's flags.

/// What holds for the whole pattern.
#[derive(Clone, Copy, Debug, Default)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "they are Python's flags, independent of each other"
)]
pub(super) struct Flags {
    pub(super) ignore_case: bool,
    pub(super) multi_line: bool,
    pub(super) dot_all: bool,
    pub(super) verbose: bool,
    /// Whether `\w`, `\d`, `\s` and `\b` know only ASCII.
    pub(super) ascii: bool,
}

impl Flags {
    pub(super) fn of_names(names: &[String]) -> Self {
        let mut flags = Self::default();
        for name in names {
            match name.as_str() {
                "IGNORECASE" | "I" => flags.ignore_case = true,
                "MULTILINE" | "M" => flags.multi_line = true,
                "DOTALL" | "S" => flags.dot_all = true,
                "VERBOSE" | "X" => flags.verbose = true,
                "ASCII" | "A" => flags.ascii = true,
                _ => {}
            }
        }
        flags
    }

    /// Sets the flag that `letter` means in a pattern; false if there is none.
    pub(super) fn set(&mut self, letter: char) -> bool {
        match letter {
            'i' => self.ignore_case = true,
            'm' => self.multi_line = true,
            's' => self.dot_all = true,
            'x' => self.verbose = true,
            'a' => self.ascii = true,
            'u' => {}
            _ => return false,
        }
        true
    }
}
