//! Why there is no pkginfo.

use std::{
    io,
    path::{Path, PathBuf},
};

use media::MediaError;

/// Why there is no pkginfo.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PkginfoError {
    /// There is no such file.
    #[error("File {} does not exist", path.display())]
    Missing {
        /// Which file.
        path: PathBuf,
    },
    /// A file that an option names cannot be read.
    #[error("cannot read `{}`", path.display())]
    Host {
        /// Which file.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// The item is neither a disk image nor a package, by its name.
    #[error(
        "{} is not a supported installer item! A name that ends in .dmg, .iso, .pkg or .mpkg is expected",
        path.display()
    )]
    NotSupported {
        /// The item.
        path: PathBuf,
    },
    /// The item is not what its name says.
    #[error("{what} is no {expected}")]
    WrongKind {
        /// What was looked at.
        what: String,
        /// What its name says: `disk image`, `flat package`.
        expected: &'static str,
    },
    /// The item, or something in it, cannot be read.
    #[error("cannot read {what}")]
    Media {
        /// What was read.
        what: String,
        /// The reader's own words.
        source: MediaError,
    },
    /// A file in the item is damaged.
    #[error("{what} is damaged: {why}")]
    Damaged {
        /// What was read.
        what: String,
        /// What is wrong with it.
        why: String,
    },
    /// There is nothing in the item that could be installed.
    #[error("Could not find a supported installer item in {item}: {why}")]
    NothingToInstall {
        /// The item.
        item: String,
        /// What was looked for.
        why: String,
    },
    /// Nothing in the package says what it installs.
    #[error("Could not parse info from {item}: {why}")]
    NoReceipts {
        /// The package.
        item: String,
        /// What was looked for.
        why: &'static str,
    },
    /// Something that only macOS can do, or that is not done here.
    #[error("{what} is not supported: {why}")]
    Unsupported {
        /// What.
        what: String,
        /// Why not, and what to do instead.
        why: &'static str,
    },
    /// There are neither an item nor options to make a pkginfo of.
    #[error("Can't figure out what to do! Name an installer item, or give --nopkg or -f")]
    Nothing,
    /// The options of `makepkginfo` are wrong.
    #[error(transparent)]
    Options(#[from] OptionError),
}

/// What is wrong with the options of `makepkginfo`.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum OptionError {
    /// There is no such option.
    #[error("makepkginfo has no option `{option}`")]
    Unknown {
        /// The option as it was given.
        option: String,
    },
    /// The option needs a value.
    #[error("the option `{option}` needs a value")]
    NoValue {
        /// The option.
        option: String,
    },
    /// The option takes no value.
    #[error("the option `{option}` takes no value")]
    NeedlessValue {
        /// The option.
        option: String,
    },
    /// The option is Munki's, and cannot be done here.
    #[error("the option `{option}` of makepkginfo is not done here: {why}")]
    Refused {
        /// The option.
        option: String,
        /// Why not.
        why: &'static str,
    },
    /// The value is none that the option takes.
    #[error("`{value}` cannot be the value of `{option}`: {why}")]
    Value {
        /// The option.
        option: String,
        /// The value.
        value: String,
        /// What is expected.
        why: &'static str,
    },
    /// There is more than one installer item.
    #[error("`{item}` is one installer item too many")]
    SecondItem {
        /// The second one.
        item: String,
    },
}

impl PkginfoError {
    /// A [`PkginfoError::Media`] for what reads `what`.
    pub(crate) fn media(what: impl Into<String>) -> impl FnOnce(MediaError) -> Self {
        let what = what.into();
        move |source| Self::Media { what, source }
    }

    /// A [`PkginfoError::Host`], or [`PkginfoError::Missing`], for what reads the file at `path`.
    pub(crate) fn host(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| match source.kind() {
            io::ErrorKind::NotFound => Self::Missing { path },
            _ => Self::Host { path, source },
        }
    }
}
