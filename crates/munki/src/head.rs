//! What of a pkginfo decides whether and where it is listed.

use std::borrow::Cow;

use proplist::{Dict, Value};

/// The keys that are looked at, besides `catalogs`.
const TEXTS: [&str; 6] = [
    "PackageCompleteURL",
    "PackageURL",
    "installer_item_location",
    "installer_type",
    "uninstall_method",
    "uninstaller_item_location",
];

/// As long as most are.
const USUAL_LEN: usize = 128;

/// What ends each of the catalogs' names.
const NAME_END: char = '\u{1f}';

/// What of a pkginfo decides whether and where it is listed; with its bytes in a catalog it stands for the pkginfo, which
/// then need not be read again.
///
/// It is a line: the catalogs' names, then the text of each of the keys that decide, with tabs between. Only pkginfos have one whose
/// values are of the types that they should be, and hold no control characters.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Head<'k>(Cow<'k, str>);

impl<'k> Head<'k> {
    /// The key of the catalogs' names.
    pub(crate) const CATALOGS: &'static str = "catalogs";

    /// The head that [`Self::as_str`] has told.
    pub const fn of_line(line: &'k str) -> Self {
        Self(Cow::Borrowed(line))
    }

    /// The line, which tells all that it is.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The head of a pkginfo.
    pub(crate) fn of(pkginfo: &Dict) -> Option<Self> {
        let catalogs = match pkginfo.named() {
            Named::Nothing => None,
            Named::Texts(names) => Some(names.into_iter().map(Cow::Borrowed).collect()),
            Named::Odd(_) => return None,
        };
        Self::gather(catalogs, |key| match pkginfo.found(key) {
            Found::Nothing => Some(None),
            Found::Text(text) => Some(Some(Cow::Borrowed(text))),
            Found::Other { .. } => None,
        })
    }

    /// A head of these catalogs and the text of each key, which may be missing, but be nothing else.
    pub(crate) fn gather<'a>(
        catalogs: Option<Vec<Cow<'a, str>>>,
        text_of: impl Fn(&str) -> Option<Option<Cow<'a, str>>>,
    ) -> Option<Self> {
        let mut line = String::with_capacity(USUAL_LEN);
        if let Some(names) = catalogs {
            line.push('=');
            for name in names {
                line.push_str(kept(&name)?);
                line.push(NAME_END);
            }
        }
        for key in TEXTS {
            line.push('\t');
            if let Some(text) = text_of(key)? {
                line.push('=');
                line.push_str(kept(&text)?);
            }
        }
        Some(Self(Cow::Owned(line)))
    }

    /// What is in the line.
    pub(crate) fn fields(&self) -> Fields<'_> {
        let mut fields = self.0.split('\t').map(|field| field.strip_prefix('='));
        let catalogs = fields.next().flatten();
        let mut texts = [None; TEXTS.len()];
        for (text, field) in texts.iter_mut().zip(fields) {
            *text = field;
        }
        Fields { catalogs, texts }
    }
}

/// The text, if it can stand in a line.
fn kept(text: &str) -> Option<&str> {
    (!text.chars().any(char::is_control)).then_some(text)
}

/// What is in a [`Head`].
pub(crate) struct Fields<'a> {
    /// Each name with its end.
    catalogs: Option<&'a str>,
    /// The text of each of [`TEXTS`].
    texts: [Option<&'a str>; TEXTS.len()],
}

/// What a pkginfo, or its head, says under a key.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Found<'a> {
    Nothing,
    Text(&'a str),
    /// Something that is no text.
    Other {
        is_truthy: bool,
    },
}

/// The catalogs that a pkginfo names.
pub(crate) enum Named<'a> {
    Nothing,
    Texts(Vec<&'a str>),
    /// Something that is no list of texts.
    Odd(&'a Value),
}

/// What decides whether and where a pkginfo is listed.
pub(crate) trait Keys {
    /// What it says under `key`.
    fn found(&self, key: &str) -> Found<'_>;

    /// The catalogs that it names.
    fn named(&self) -> Named<'_>;
}

impl Keys for Dict {
    fn found(&self, key: &str) -> Found<'_> {
        match self.get(key) {
            None => Found::Nothing,
            Some(Value::String(text)) => Found::Text(text),
            Some(other) => Found::Other {
                is_truthy: other.is_truthy(),
            },
        }
    }

    fn named(&self) -> Named<'_> {
        match self.get(Head::CATALOGS) {
            None => Named::Nothing,
            Some(value) => {
                let texts = value.as_array().and_then(|names| {
                    let texts = names.iter().map(Value::as_str);
                    texts.collect::<Option<Vec<_>>>()
                });
                texts.map_or(Named::Odd(value), Named::Texts)
            }
        }
    }
}

impl Keys for Fields<'_> {
    fn found(&self, key: &str) -> Found<'_> {
        let mut texts = TEXTS.iter().zip(self.texts);
        let text = texts.find_map(|(at, text)| (*at == key).then_some(text));
        text.flatten().map_or(Found::Nothing, Found::Text)
    }

    fn named(&self) -> Named<'_> {
        self.catalogs.map_or(Named::Nothing, |names| {
            Named::Texts(names.split_terminator(NAME_END).collect())
        })
    }
}
