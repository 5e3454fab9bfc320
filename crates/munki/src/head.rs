//! What of a pkginfo decides whether and where it is listed.

use proplist::{Dict, Value};
use serde::{Deserialize, Serialize};

const CATALOGS: &str = "catalogs";

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
    /// The head of a pkginfo.
    pub(crate) fn of(pkginfo: &Dict) -> Option<Self> {
        let catalogs = match pkginfo.get(CATALOGS) {
            None => None,
            Some(Value::Array(values)) => {
                let names = values.iter().map(|name| name.as_str().map(str::to_owned));
                Some(names.collect::<Option<Vec<_>>>()?)
            }
            Some(_) => return None,
        };
        let mut texts = [const { None }; TEXTS.len()];
        for (key, text) in TEXTS.iter().zip(&mut texts) {
            *text = match pkginfo.get(*key) {
                None => None,
                Some(value) => Some(value.as_str()?.to_owned()),
            };
        }
        Some(Self { catalogs, texts })
    }

    /// A pkginfo that is listed as the one whose head this is.
    pub(crate) fn to_dict(&self) -> Dict {
        let texts = TEXTS.iter().zip(&self.texts);
        let mut dict: Dict = texts
            .filter_map(|(key, text)| Some(((*key).to_owned(), text.as_deref()?.into())))
            .collect();
        if let Some(catalogs) = &self.catalogs {
            let names = catalogs.iter().map(|name| Value::from(name.as_str()));
            dict.insert(CATALOGS.to_owned(), Value::Array(names.collect()));
        }
        dict
    }
}
