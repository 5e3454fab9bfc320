//! `audit`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::folders::Folders;

// `audit`
#[derive(Args, Debug)]
pub(crate) struct Audit {
    /// Names, identifiers or paths of recipes
    #[arg(required_unless_present_any = ["recipe_list", "resolve_all", "root"], value_name = "RECIPE")]
    pub(crate) recipes: Vec<String>,
    /// A list of recipes: a property list, or text with one a line
    #[arg(short = 'l', long, value_name = "FILE")]
    pub(crate) recipe_list: Option<PathBuf>,
    /// Print AutoPkg's findings as a property list, as `--format plist`
    #[arg(short, long, conflicts_with_all = ["json", "format"])]
    pub(crate) plist: bool,
    /// Print JSON, one object a line, as `--format json`
    #[arg(long, conflicts_with = "format")]
    pub(crate) json: bool,
    /// In which form to print what is found
    #[arg(long, value_enum)]
    pub(crate) format: Option<Format>,
    /// At which findings to end with exit status 1
    #[arg(long, value_enum, value_name = "SEVERITY", default_value_t)]
    pub(crate) fail_on: FailOn,
    /// Show places relative to this folder; without recipes, look every recipe file below it over, each folder in it being searched
    #[arg(long, value_name = "FOLDER")]
    pub(crate) root: Option<PathBuf>,
    /// Put every recipe below this folder together with its parents; each folder in it is searched, in name order
    #[arg(long, value_name = "ROOT", conflicts_with_all = ["recipes", "recipe_list", "search_dirs", "override_dirs", "format", "root", "fail_on"])]
    pub(crate) resolve_all: Option<PathBuf>,
    /// Where to look.
    #[command(flatten)]
    pub(crate) folders: Folders,
}

impl Audit {
    /// The form that the flags ask for together.
    pub(crate) fn format(&self) -> Format {
        match self.format {
            Some(format) => format,
            None if self.plist => Format::Plist,
            None if self.json => Format::Json,
            None => Format::Text,
        }
    }
}

/// A form of output.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum Format {
    /// What AutoPkg's audit finds, in its words and nothing else
    Autopkg,
    /// One object a line for each recipe
    Json,
    /// What AutoPkg's audit finds, as a property list
    Plist,
    /// A log that code hosts and editors show beside the lines
    Sarif,
    /// For people
    Text,
}

/// The findings that make the program fail.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, ValueEnum)]
pub(crate) enum FailOn {
    /// Errors
    Error,
    /// None, as AutoPkg's audit
    #[default]
    Never,
    /// Every finding
    Note,
    /// Errors and warnings
    Warning,
}
