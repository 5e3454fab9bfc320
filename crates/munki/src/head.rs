//! What of a pkginfo decides whether and where it is listed.

use proplist::{Dict, Value};
use serde::{Deserialize, Serialize};

/// The keys that are looked at, besides `catalogs`.
const TEXTS: [&str; 6] = [
    "PackageCompleteURL",
    "PackageURL",
    "installer_item_location",
    "installer_type",
    "uninstall_method",
    "uninstaller_item_location",
];

/// What of a pkginfo decides whether and where it is listed; with its bytes in a catalog it stands for the pkginfo, which
/// then need not be read again. Only pkginfos have one whose values are of the types that they should be.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct Head {
    #[serde(rename = "c")]
    catalogs: Option<Vec<String>>,
    /// The text of each of [`TEXTS`].
    #[serde(rename = "t")]
    texts: [Option<String>; TEXTS.len()],
}

impl Head {
    /// The key of the catalogs' names.
    pub(crate) const CATALOGS: &str = "catalogs";

    /// The head of a pkginfo.
    pub(crate) fn of(pkginfo: &Dict) -> Option<Self> {
        let catalogs = match pkginfo.named() {
            Named::Nothing => None,
            Named::Texts(names) => Some(names.into_iter().map(str::to_owned).collect()),
            Named::Odd(_) => return None,
        };
        Self::gather(catalogs, |key| match pkginfo.found(key) {
            Found::Nothing => Some(None),
            Found::Text(text) => Some(Some(text.to_owned())),
            Found::Other { .. } => None,
        })
    }

    /// A head of these catalogs and the text of each key, which may be missing, but be nothing else.
    pub(crate) fn gather(
        catalogs: Option<Vec<String>>,
        text_of: impl Fn(&str) -> Option<Option<String>>,
    ) -> Option<Self> {
        let mut texts = [const { None }; TEXTS.len()];
        for (key, text) in TEXTS.iter().zip(&mut texts) {
            *text = text_of(key)?;
        }
        Some(Self { catalogs, texts })
    }
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

impl Keys for Head {
    fn found(&self, key: &str) -> Found<'_> {
        let mut texts = TEXTS.iter().zip(&self.texts);
        let text = texts.find_map(|(at, text)| (*at == key).then_some(text.as_deref()));
        text.flatten().map_or(Found::Nothing, Found::Text)
    }

    fn named(&self) -> Named<'_> {
        let names = self.catalogs.as_ref();
        names.map_or(Named::Nothing, |names| {
            Named::Texts(names.iter().map(String::as_str).collect())
        })
    }
}
