//! Catalogs: what of the pkginfos clients see.

use std::{cell::OnceCell, collections::HashMap, fmt::Display, mem, ops::Range};

use indexmap::IndexSet;
use model::Sha256;
use proplist::{Dict, KeyOrder, Value, WriteError, to_xml};

use crate::{
    Batch, Catalogs, Compat, Head, Opened,
    batch::Batched,
    head::{Found, Keys, Named},
    pieces::Fragment,
    plain, plistlib,
};

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

/// Makes catalogs of pkginfos that are handed in one after another.
///
/// # Source
/// `makecatalogslib.swift` of Munki 7.0, `makecatalogslib.py` of Munki 6.7.
#[derive(Debug)]
pub struct CatalogBuilder<'k> {
    options: CatalogOptions,
    pkgs: Pkgs,
    made: Catalogs<'k>,
    /// Whether what is done is told, too.
    tells: bool,
}

impl<'k> CatalogBuilder<'k> {
    /// A builder for a repository that holds these installer items, named relative to `pkgs/`.
    pub fn new(options: CatalogOptions, pkgs: impl IntoIterator<Item = String>) -> Self {
        Self::knowing(options, pkgs, b"")
    }

    /// The same, which also takes what is in the bytes of an earlier `all`.
    pub fn knowing(
        options: CatalogOptions,
        pkgs: impl IntoIterator<Item = String>,
        all: &'k [u8],
    ) -> Self {
        Self {
            options,
            pkgs: Pkgs::new(pkgs),
            made: Catalogs::new(all),
            tells: true,
        }
    }

    /// The same, which notes what is wrong, but not what it does.
    #[must_use]
    pub fn quiet(self) -> Self {
        Self {
            tells: false,
            ..self
        }
    }

    /// Whose catalogs it makes.
    pub const fn compat(&self) -> Compat {
        self.options.compat
    }

    /// Takes the pkginfo with these contents; `path` is relative to `pkgsinfo/`.
    pub fn add(&mut self, path: &str, contents: &[u8]) {
        let compat = self.options.compat;
        match self
            .made
            .write(|text| plain::append(contents, compat, text))
        {
            (fragment, Some(head)) => self.add_written(path, head, fragment),
            (_, None) => self.add_carefully(path, contents),
        }
    }

    /// Begins to take what is in the batch, which is of the same Munki.
    pub fn open<'p>(&mut self, batch: Batch<'p>) -> Opened<'p> {
        Opened {
            pkginfos: batch.pkginfos.into_iter(),
            text: self.made.add_text(batch.text),
            start: 0,
        }
    }

    /// Takes the next one of a batch, if there is one.
    pub fn add_next(&mut self, opened: &mut Opened<'_>) {
        match opened.pkginfos.next() {
            None => {}
            Some((path, Batched::Failed(why))) => self.fail(path, &why),
            Some((path, Batched::Odd(contents))) => self.add_carefully(path, &contents),
            Some((path, Batched::Written { head, end })) => {
                let start = mem::replace(&mut opened.start, end);
                self.add_written(path, head, Fragment::new(opened.text, start..end));
            }
        }
    }

    fn add_written(&mut self, path: &str, head: Head<'k>, fragment: Fragment) {
        let fields = head.fields();
        if self.is_listed(path, &fields) {
            let names = self.catalog_names(path, fields.named());
            self.made.list(path, Some(head), fragment);
            self.put_into(path, &names);
        }
    }

    /// Takes a pkginfo that may be out of the ordinary.
    pub(crate) fn add_carefully(&mut self, path: &str, contents: &[u8]) {
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
        self.made
            .report
            .error(format!("Unexpected error {reading} pkgsinfo/{path}: {why}"));
    }

    /// Takes the pkginfo; `path` is relative to `pkgsinfo/`.
    pub fn add_dict(&mut self, path: &str, mut pkginfo: Dict) {
        if !pkginfo.contains_key("name") {
            self.missing_name(path);
            return;
        }
        self.strip(&mut pkginfo);
        if !self.is_listed(path, &pkginfo) {
            return;
        }
        let names = self.catalog_names(path, pkginfo.named());
        let head = Head::of(&pkginfo);
        let fragment = match fragment(pkginfo, self.options.compat) {
            Ok(fragment) => fragment,
            Err(error) => {
                self.made
                    .report
                    .error(format!("Could not serialize pkgsinfo/{path}: {error}"));
                return;
            }
        };
        let (fragment, ()) = self.made.write(|text| text.push_str(&fragment));
        self.made.list(path, head, fragment);
        self.put_into(path, &names);
    }

    /// Takes a pkginfo that was handed in before, to a builder of the same Munki: its head, and where its bytes are in
    /// the `all` that is known.
    pub fn add_known(&mut self, path: &str, head: Head<'k>, range: Range<usize>) {
        let fields = head.fields();
        if self.is_listed(path, &fields) {
            let names = self.catalog_names(path, fields.named());
            self.made.list_known(path, head, range);
            self.put_into(path, &names);
        }
    }

    /// Puts what was listed last into the catalogs of these names.
    fn put_into(&mut self, path: &str, names: &[String]) {
        for name in names {
            self.made.put_into(name);
            if self.tells {
                let line = format!("Adding pkgsinfo/{path} to {name}...");
                self.made.report.progress(line);
            }
        }
    }

    /// The catalogs of all that was handed in.
    pub fn finish(mut self) -> Catalogs<'k> {
        self.warn_of_case();
        self.made
    }

    fn missing_name(&mut self, path: &str) {
        let key = match self.options.compat {
            Compat::Munki6 => "",
            Compat::Munki7 => " key",
        };
        self.made
            .report
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

    fn catalog_names(&mut self, path: &str, catalogs: Named<'_>) -> Vec<String> {
        let named = match (self.options.compat, catalogs) {
            (_, Named::Texts(names)) => names.into_iter().map(str::to_owned).collect(),
            (Compat::Munki6, Named::Nothing) => Vec::new(),
            (Compat::Munki6, Named::Odd(catalogs)) => self.iterated(path, catalogs),
            (Compat::Munki7, _) => return self.no_catalogs(path),
        };
        if named.is_empty() && self.options.compat == Compat::Munki7 {
            self.made
                .report
                .warning(format!("pkgsinfo/{path} has an empty catalogs array!"));
        }
        named
            .into_iter()
            .filter(|name| self.accepts(path, name))
            .collect()
    }

    /// What Python iterates over: text letter by letter, a dictionary key by key. It fails at what is neither text nor
    /// empty, which is told here.
    fn iterated(&mut self, path: &str, catalogs: &Value) -> Vec<String> {
        match catalogs {
            Value::String(text) => text.chars().map(String::from).collect(),
            Value::Dict(dict) => dict.keys().cloned().collect(),
            Value::Array(values) => {
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
            _ => self.no_catalogs(path),
        }
    }

    fn no_catalogs(&mut self, path: &str) -> Vec<String> {
        self.made
            .report
            .warning(format!("pkgsinfo/{path} has no catalogs array!"));
        Vec::new()
    }

    fn accepts(&mut self, path: &str, name: &str) -> bool {
        if name.is_empty() && self.options.compat == Compat::Munki6 {
            self.made
                .report
                .warning(format!("pkgsinfo/{path} has an empty catalogs array!"));
            return false;
        }
        let sound = is_catalog_name(name);
        if !sound {
            self.made.report.error(format!(
                "pkgsinfo/{path} names a catalog that cannot be written: `{}`",
                name.escape_debug()
            ));
        }
        sound
    }

    fn warn_of_case(&mut self) {
        let mut spellings: HashMap<String, usize> = HashMap::new();
        for name in self.made.names() {
            *spellings.entry(name.to_lowercase()).or_default() += 1;
        }
        let alike: Vec<Value> = self
            .made
            .names()
            .filter(|name| {
                spellings
                    .get(&name.to_lowercase())
                    .is_some_and(|count| *count > 1)
            })
            .map(Value::from)
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
        self.made.report.warning(format!(
            "There are catalogs with names that differ only by case. This may cause issues depending on the \
             case-sensitivity of the underlying filesystem: {names}"
        ));
    }

    fn is_listed(&mut self, path: &str, pkginfo: &impl Keys) -> bool {
        self.options.skip_pkg_check || self.is_whole(path, pkginfo) || self.options.force
    }

    /// Whether what the pkginfo needs is there; says so where it is not.
    fn is_whole(&mut self, path: &str, pkginfo: &impl Keys) -> bool {
        if needs_no_item(pkginfo, self.options.compat) {
            return true;
        }
        if !self.has_item(path, pkginfo, Item::Installer) {
            return false;
        }
        let removes_with_adobe = || {
            self.options.compat == Compat::Munki6
                && pkginfo.found("uninstall_method") == Found::Text("AdobeCCPUninstaller")
        };
        match (self.options.compat, pkginfo.found(Item::Uninstaller.key())) {
            (_, Found::Nothing) if !removes_with_adobe() => true,
            (Compat::Munki7, Found::Other { .. }) => true,
            _ => self.has_item(path, pkginfo, Item::Uninstaller),
        }
    }

    fn has_item(&mut self, path: &str, pkginfo: &impl Keys, item: Item) -> bool {
        let (key, word) = (item.key(), item.word());
        let location = match (self.options.compat, pkginfo.found(key)) {
            (_, Found::Text(location)) if !location.is_empty() => location,
            (Compat::Munki6, Found::Text(location)) => location,
            (Compat::Munki6, Found::Nothing) => {
                self.made
                    .report
                    .warning(format!("pkgsinfo/{path} is missing {key}"));
                return false;
            }
            (Compat::Munki6, Found::Other { .. }) => {
                self.made
                    .report
                    .warning(format!("invalid {key} in pkgsinfo/{path}"));
                return false;
            }
            (Compat::Munki7, _) => {
                self.made
                    .report
                    .warning(format!("empty or invalid {key} in pkgsinfo/{path}"));
                return false;
            }
        };
        if self.pkgs.there.contains(location) {
            return true;
        }
        let Some(spelling) = self.pkgs.spelled_otherwise(location) else {
            self.made.report.warning(format!(
                "pkgsinfo/{path} refers to missing {word} item: {location}"
            ));
            return false;
        };
        let folder = match self.options.compat {
            Compat::Munki6 => "pkgs/",
            Compat::Munki7 => "",
        };
        self.made.report.warning(format!(
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
    there: IndexSet<String>,
    /// Which one is the first of those that differ only by case, by the name in lower case; made when one is missing.
    folded: OnceCell<HashMap<String, usize>>,
}

impl Pkgs {
    fn new(pkgs: impl IntoIterator<Item = String>) -> Self {
        Self {
            there: pkgs.into_iter().collect(),
            folded: OnceCell::new(),
        }
    }

    fn spelled_otherwise(&self, location: &str) -> Option<&String> {
        let folded = self.folded.get_or_init(|| {
            let mut folded = HashMap::new();
            for (number, pkg) in self.there.iter().enumerate() {
                folded.entry(pkg.to_lowercase()).or_insert(number);
            }
            folded
        });
        self.there.get_index(*folded.get(&location.to_lowercase())?)
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

fn needs_no_item(pkginfo: &impl Keys, compat: Compat) -> bool {
    let is_elsewhere = |key: &str| match (compat, pkginfo.found(key)) {
        (_, Found::Text(url)) => !url.is_empty(),
        (Compat::Munki6, Found::Other { is_truthy }) => is_truthy,
        (_, Found::Nothing | Found::Other { .. }) => false,
    };
    matches!(
        pkginfo.found("installer_type"),
        Found::Text("nopkg" | "apple_update_metadata")
    ) || is_elsewhere("PackageCompleteURL")
        || is_elsewhere("PackageURL")
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
