//! Catalogs: what of the pkginfos clients see.

use std::{
    collections::{HashMap, HashSet},
    fmt::Display,
    ops::Range,
};

use indexmap::IndexMap;
use model::Sha256;
use proplist::{Dict, KeyOrder, Value, WriteError, to_xml};

use crate::{Compat, Head, plistlib, report::Report};

/// How catalogs are made.
#[derive(Clone, Copy, Debug, Default)]
pub struct CatalogOptions {
    /// Whose catalogs, where Munki's versions differ.
    pub compat: Compat,
    /// Whether a pkginfo whose installer item is missing is listed nevertheless.
    pub force: bool,
    /// Whether nobody looks for installer items.
    pub skip_pkg_check: bool,
}

/// The catalogs of a repository.
#[derive(Clone, Debug, Default)]
pub struct Catalogs {
    /// The catalogs' bytes by name, in the order in which they first occur; `all` is the first.
    pub files: IndexMap<String, Vec<u8>>,
    /// What `all` lists, in this order.
    pub listed: Vec<Listed>,
    /// What there was to say.
    pub report: Report,
}

/// A pkginfo that `all` lists.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Listed {
    /// Where it is, relative to `pkgsinfo/`.
    pub path: String,
    /// What decided so, if it can be told apart from the rest.
    pub head: Option<Head>,
    /// Where it stands in the bytes of `all`.
    pub range: Range<usize>,
}

/// Makes catalogs of pkginfos that are handed in one after another.
///
/// # Source
/// `makecatalogslib.swift` of Munki 7.0, `makecatalogslib.py` of Munki 6.7.
#[derive(Debug)]
pub struct CatalogBuilder {
    options: CatalogOptions,
    pkgs: Pkgs,
    /// What goes between `<array>` and `</array>`, by catalog.
    catalogs: IndexMap<String, String>,
    listed: Vec<Listed>,
    report: Report,
}

const ALL: &str = "all";

impl CatalogBuilder {
    /// A builder for a repository that holds these installer items, named relative to `pkgs/`.
    pub fn new(options: CatalogOptions, pkgs: impl IntoIterator<Item = String>) -> Self {
        Self {
            options,
            pkgs: Pkgs::new(pkgs),
            catalogs: IndexMap::from([(ALL.to_owned(), String::new())]),
            listed: Vec::new(),
            report: Report::default(),
        }
    }

    /// Takes the pkginfo with these contents; `path` is relative to `pkgsinfo/`.
    pub fn add(&mut self, path: &str, contents: &[u8]) {
        match read(contents, self.options.compat) {
            Ok(Value::Dict(pkginfo)) => self.add_dict(path, pkginfo),
            Ok(_) => self.missing_name(path),
            Err(why) => self.fail(path, &why),
        }
    }

    /// Notes that the pkginfo at `path` could not be read.
    pub fn fail(&mut self, path: &str, why: &dyn Display) {
        let reading = match self.options.compat {
            Compat::Munki6 => "for",
            Compat::Munki7 => "reading",
        };
        self.report
            .error(format!("Unexpected error {reading} pkgsinfo/{path}: {why}"));
    }

    /// Takes the pkginfo; `path` is relative to `pkgsinfo/`.
    pub fn add_dict(&mut self, path: &str, mut pkginfo: Dict) {
        if !pkginfo.contains_key("name") {
            self.missing_name(path);
            return;
        }
        self.strip(&mut pkginfo);
        if !self.options.skip_pkg_check && !self.is_whole(path, &pkginfo) && !self.options.force {
            return;
        }
        let names = self.catalog_names(path, pkginfo.get("catalogs"));
        let head = Head::of(&pkginfo);
        let fragment = match fragment(pkginfo, self.options.compat) {
            Ok(fragment) => fragment,
            Err(error) => {
                self.report
                    .error(format!("Could not serialize pkgsinfo/{path}: {error}"));
                return;
            }
        };
        self.list(path, head, names, &fragment);
    }

    /// Takes a pkginfo that was handed in before, to a builder of the same Munki: its head, and its bytes in a catalog.
    pub fn add_known(&mut self, path: &str, head: &Head, fragment: &str) {
        let known = head.to_dict();
        if !self.options.skip_pkg_check && !self.is_whole(path, &known) && !self.options.force {
            return;
        }
        let names = self.catalog_names(path, known.get("catalogs"));
        self.list(path, Some(head.clone()), names, fragment);
    }

    fn list(&mut self, path: &str, head: Option<Head>, names: Vec<String>, fragment: &str) {
        let start = self
            .catalogs
            .get(ALL)
            .map_or(0, String::len)
            .saturating_add(HEADER.len())
            .saturating_add(BEGIN.len());
        self.append(ALL, fragment);
        for name in names {
            self.append(&name, fragment);
            self.report
                .progress(format!("Adding pkgsinfo/{path} to {name}..."));
        }
        self.listed.push(Listed {
            path: path.to_owned(),
            head,
            range: start..start.saturating_add(fragment.len()),
        });
    }

    /// The catalogs of all that was handed in.
    pub fn finish(mut self) -> Catalogs {
        self.warn_of_case();
        let files = self
            .catalogs
            .iter()
            .map(|(name, items)| (name.clone(), document(items).into_bytes()))
            .collect();
        Catalogs {
            files,
            listed: self.listed,
            report: self.report,
        }
    }

    fn append(&mut self, name: &str, fragment: &str) {
        if let Some(items) = self.catalogs.get_mut(name) {
            items.push_str(fragment);
        } else {
            self.catalogs.insert(name.to_owned(), fragment.to_owned());
        }
    }

    fn missing_name(&mut self, path: &str) {
        let key = match self.options.compat {
            Compat::Munki6 => "",
            Compat::Munki7 => " key",
        };
        self.report
            .warning(format!("pkgsinfo/{path} is missing name{key}"));
    }

    /// Clients see neither the administrator's notes nor what begins with an underscore.
    fn strip(&self, pkginfo: &mut Dict) {
        let keeps_empty_notes = self.options.compat == Compat::Munki6;
        pkginfo.retain(|key, value| match key.as_str() {
            "notes" => keeps_empty_notes && !value.is_truthy(),
            key => !key.starts_with('_'),
        });
    }

    fn catalog_names(&mut self, path: &str, catalogs: Option<&Value>) -> Vec<String> {
        let named = match (self.options.compat, catalogs) {
            (Compat::Munki6, catalogs) => self.iterated(path, catalogs),
            (Compat::Munki7, Some(Value::Array(values))) => match texts(values) {
                Some(names) => names,
                None => return self.no_catalogs(path),
            },
            _ => return self.no_catalogs(path),
        };
        if named.is_empty() && self.options.compat == Compat::Munki7 {
            self.report
                .warning(format!("pkgsinfo/{path} has an empty catalogs array!"));
        }
        named
            .into_iter()
            .filter(|name| self.accepts(path, name))
            .collect()
    }

    /// What Python iterates over: text letter by letter, a dictionary key by key; it says nothing of what is not
    /// there. It fails at what is neither text nor empty, which is told here.
    fn iterated(&mut self, path: &str, catalogs: Option<&Value>) -> Vec<String> {
        match catalogs {
            None => Vec::new(),
            Some(Value::String(text)) => text.chars().map(String::from).collect(),
            Some(Value::Dict(dict)) => dict.keys().cloned().collect(),
            Some(Value::Array(values)) => {
                let named = values.iter().filter_map(|value| match value {
                    Value::String(name) => Some(name.clone()),
                    other if other.is_truthy() => {
                        self.no_catalogs(path);
                        None
                    }
                    _ => Some(String::new()),
                });
                named.collect()
            }
            Some(_) => self.no_catalogs(path),
        }
    }

    fn no_catalogs(&mut self, path: &str) -> Vec<String> {
        self.report
            .warning(format!("pkgsinfo/{path} has no catalogs array!"));
        Vec::new()
    }

    fn accepts(&mut self, path: &str, name: &str) -> bool {
        if name.is_empty() && self.options.compat == Compat::Munki6 {
            self.report
                .warning(format!("pkgsinfo/{path} has an empty catalogs array!"));
            return false;
        }
        let sound = is_catalog_name(name);
        if !sound {
            self.report.error(format!(
                "pkgsinfo/{path} names a catalog that cannot be written: `{}`",
                name.escape_debug()
            ));
        }
        sound
    }

    fn warn_of_case(&mut self) {
        let mut spellings: HashMap<String, usize> = HashMap::new();
        for name in self.catalogs.keys() {
            *spellings.entry(name.to_lowercase()).or_default() += 1;
        }
        let alike: Vec<Value> = self
            .catalogs
            .keys()
            .filter(|name| {
                spellings
                    .get(&name.to_lowercase())
                    .is_some_and(|count| *count > 1)
            })
            .map(|name| Value::from(name.as_str()))
            .collect();
        if alike.is_empty() {
            return;
        }
        let names = match self.options.compat {
            Compat::Munki6 => proplist::repr(&Value::Array(alike)),
            Compat::Munki7 => serde_json::Value::from(&Value::Array(alike))
                .to_string()
                .replace("\",\"", "\", \""),
        };
        self.report.warning(format!(
            "There are catalogs with names that differ only by case. This may cause issues depending on the \
             case-sensitivity of the underlying filesystem: {names}"
        ));
    }

    /// Whether what the pkginfo needs is there; says so where it is not.
    fn is_whole(&mut self, path: &str, pkginfo: &Dict) -> bool {
        if needs_no_item(pkginfo, self.options.compat) {
            return true;
        }
        if !self.has_item(path, pkginfo, Item::Installer) {
            return false;
        }
        let removes_with_adobe = self.options.compat == Compat::Munki6
            && pkginfo.get("uninstall_method").and_then(Value::as_str)
                == Some("AdobeCCPUninstaller");
        match (self.options.compat, pkginfo.get(Item::Uninstaller.key())) {
            (_, None) if !removes_with_adobe => true,
            (Compat::Munki7, Some(value)) if value.as_str().is_none() => true,
            _ => self.has_item(path, pkginfo, Item::Uninstaller),
        }
    }

    fn has_item(&mut self, path: &str, pkginfo: &Dict, item: Item) -> bool {
        let (key, word) = (item.key(), item.word());
        let location = match (self.options.compat, pkginfo.get(key)) {
            (_, Some(Value::String(location))) if !location.is_empty() => location,
            (Compat::Munki6, Some(Value::String(location))) => location,
            (Compat::Munki6, None) => {
                self.report
                    .warning(format!("pkgsinfo/{path} is missing {key}"));
                return false;
            }
            (Compat::Munki6, Some(_)) => {
                self.report
                    .warning(format!("invalid {key} in pkgsinfo/{path}"));
                return false;
            }
            (Compat::Munki7, _) => {
                self.report
                    .warning(format!("empty or invalid {key} in pkgsinfo/{path}"));
                return false;
            }
        };
        if self.pkgs.exact.contains(location) {
            return true;
        }
        let Some(spelling) = self.pkgs.folded.get(&location.to_lowercase()) else {
            self.report.warning(format!(
                "pkgsinfo/{path} refers to missing {word} item: {location}"
            ));
            return false;
        };
        let folder = match self.options.compat {
            Compat::Munki6 => "pkgs/",
            Compat::Munki7 => "",
        };
        self.report.warning(format!(
            "pkgsinfo/{path} refers to {word} item: {location}. The pathname of the item in the repo has different \
             case: {folder}{spelling}. This may cause issues depending on the case-sensitivity of the underlying \
             filesystem."
        ));
        true
    }
}

/// What a pkginfo refers to.
#[derive(Clone, Copy)]
enum Item {
    Installer,
    Uninstaller,
}

impl Item {
    const fn key(self) -> &'static str {
        match self {
            Self::Installer => "installer_item_location",
            Self::Uninstaller => "uninstaller_item_location",
        }
    }

    const fn word(self) -> &'static str {
        match self {
            Self::Installer => "installer",
            Self::Uninstaller => "uninstaller",
        }
    }
}

/// The installer items of a repository.
#[derive(Debug)]
struct Pkgs {
    exact: HashSet<String>,
    /// The first spelling, by the name in lower case.
    folded: HashMap<String, String>,
}

impl Pkgs {
    fn new(pkgs: impl IntoIterator<Item = String>) -> Self {
        let (mut exact, mut folded) = (HashSet::new(), HashMap::new());
        for pkg in pkgs {
            folded
                .entry(pkg.to_lowercase())
                .or_insert_with(|| pkg.clone());
            exact.insert(pkg);
        }
        Self { exact, folded }
    }
}

/// The bytes of `icons/_icon_hashes.plist`: SHA-256 by the icon's path relative to `icons/`.
///
/// # Errors
/// If a path holds a control character.
pub fn icon_hashes(
    icons: impl IntoIterator<Item = (String, Sha256)>,
) -> Result<Vec<u8>, WriteError> {
    let hashes: Dict = icons
        .into_iter()
        .map(|(path, digest)| (path, Value::String(digest.to_string())))
        .collect();
    to_xml(&Value::Dict(hashes), KeyOrder::Sorted).map(String::into_bytes)
}

/// Whether a catalog of this name stays inside `catalogs/` and is seen by those who list it.
pub fn is_catalog_name(name: &str) -> bool {
    !name.chars().any(char::is_control)
        && name
            .split('/')
            .all(|part| !part.is_empty() && !part.starts_with('.'))
}

fn needs_no_item(pkginfo: &Dict, compat: Compat) -> bool {
    let installer_type = pkginfo.get("installer_type").and_then(Value::as_str);
    let is_elsewhere = |key: &str| match compat {
        Compat::Munki6 => pkginfo.get(key).is_some_and(Value::is_truthy),
        Compat::Munki7 => pkginfo
            .get(key)
            .and_then(Value::as_str)
            .is_some_and(|url| !url.is_empty()),
    };
    matches!(installer_type, Some("nopkg" | "apple_update_metadata"))
        || is_elsewhere("PackageCompleteURL")
        || is_elsewhere("PackageURL")
}

fn texts(values: &[Value]) -> Option<Vec<String>> {
    values
        .iter()
        .map(|value| value.as_str().map(str::to_owned))
        .collect()
}

/// The pkginfo in the file; Munki 7's reader is as strict about XML as Munki 6's, and knows other words.
fn read(contents: &[u8], compat: Compat) -> Result<Value, String> {
    if compat == Compat::Munki6 {
        return plistlib::read(contents);
    }
    if !contents.starts_with(b"bplist") {
        plistlib::check_xml(contents)?;
    }
    proplist::from_bytes(contents).map_err(|error| error.to_string())
}

/// The pkginfo as it stands between `<array>` and `</array>`.
fn fragment(pkginfo: Dict, compat: Compat) -> Result<String, WriteError> {
    let text = to_xml(&Value::Array(vec![Value::Dict(pkginfo)]), KeyOrder::Sorted)?;
    let inner = text
        .split_once("<array>\n")
        .and_then(|(_, rest)| rest.strip_suffix("</array>\n</plist>\n"))
        .unwrap_or_default();
    Ok(match compat {
        // plistlib, unlike Core Foundation, writes no carriage return.
        Compat::Munki6 if inner.contains('\r') => inner.replace("\r\n", "\n").replace('\r', "\n"),
        _ => inner.to_owned(),
    })
}

const HEADER: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
    <!DOCTYPE plist PUBLIC \"-//Apple//DTD PLIST 1.0//EN\" \"http://www.apple.com/DTDs/PropertyList-1.0.dtd\">\n\
    <plist version=\"1.0\">\n";
const BEGIN: &str = "<array>\n";

/// The catalog that holds `items`.
fn document(items: &str) -> String {
    if items.is_empty() {
        return format!("{HEADER}<array/>\n</plist>\n");
    }
    format!("{HEADER}{BEGIN}{items}</array>\n</plist>\n")
}
