//! What an audit must be told.

/// What is known of a processor.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Known {
    /// The variables that it declares to read.
    pub inputs: Vec<String>,
    /// Those of the inputs without which it fails.
    pub required: Vec<String>,
    /// Those of the inputs that are set afterwards even where nobody gave them.
    pub defaulted: Vec<String>,
    /// What it reads besides, where it is set.
    pub also_reads: Vec<String>,
    /// The variables that it sets.
    pub outputs: Vec<String>,
    /// Whether its arguments exist only to set variables.
    pub takes_any_argument: bool,
}

/// A language in which an argument is written.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Language {
    /// Words of curl's command line, one a line.
    Options,
    /// Regular expressions of Python.
    Pattern,
    /// Apple's `NSPredicate`.
    Predicate,
    /// Apple's code requirements.
    Requirement,
}

/// Knows the processors that run here without anybody's Python, and the languages of their arguments.
pub trait Manual: Sync {
    /// What is known of the processor of that name.
    fn processor(&self, name: &str) -> Option<&Known>;

    /// The names of all of them.
    fn names(&self) -> Vec<&str>;

    /// Variables that are set before the first step, by preferences for instance.
    fn variables(&self) -> Vec<String>;

    /// The version of `AutoPkg` that is passed for.
    fn autopkg_version(&self) -> &str;

    /// What is wrong with a text; nothing if it is fine.
    fn fault(&self, language: Language, text: &str) -> Option<String>;
}
