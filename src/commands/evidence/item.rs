//! Finds an item, its evidence, and the repository around them.

use std::{
    fs::File,
    io::{self, Read as _},
    path::{Component, Path, PathBuf},
};

use evidence::{
    Code, LARGEST_BUNDLE, Line, PublicKey, Refusal, SUFFIX, Subject, Verdict, bundle_name, item_of,
    verify_bundle,
};
use model::Sha256;
use publication::Kind;

/// How often the same package may have been published.
const MOST_BUNDLES: u32 = 100;

/// Largest pkginfo that is looked into for the place of its package, in bytes.
const LARGEST_PKGINFO: u64 = 16 << 20;

/// An item, and the evidence of it.
#[derive(Debug)]
pub(super) struct Found {
    /// The file, if it is there.
    pub(super) item: Option<PathBuf>,
    /// Its digest.
    pub(super) sha256: Option<Sha256>,
    /// The files of evidence of it; perhaps none.
    pub(super) bundles: Vec<PathBuf>,
    /// The repository around it.
    root: Option<PathBuf>,
    /// Where it lies in that: `pkgs/apps/Foo-1.0.dmg`.
    place: Option<String>,
}

/// How a file that a statement is about stands to it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum State {
    /// It is that file.
    Same,
    /// It is another one.
    Changed,
    /// It is not there.
    Gone,
    /// There is no repository around the item in which it could be looked for.
    Unknown,
}

impl Found {
    /// Finds what belongs to `named`: a file of evidence, a package, a pkginfo, or anything if `given` is its evidence.
    pub(super) fn find(named: &Path, given: Option<&Path>) -> anyhow::Result<Self> {
        let path = match fs_err::canonicalize(named) {
            Ok(path) => path,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Ok(Self {
                    item: None,
                    sha256: None,
                    bundles: given.map(Path::to_owned).into_iter().collect(),
                    root: None,
                    place: None,
                });
            }
            Err(error) => return Err(error.into()),
        };
        let is_bundle = path.to_string_lossy().ends_with(SUFFIX);
        let (root, item, bundles) = match given {
            Some(given) => (
                around(&path).map(|(root, ..)| root),
                Some(path),
                vec![given.to_owned()],
            ),
            None if is_bundle => {
                let around = around(&path);
                let item = around
                    .as_ref()
                    .and_then(|(root, _, location)| item_of_bundle(root, location));
                (around.map(|(root, ..)| root), item, vec![path])
            }
            None => match around(&path) {
                Some((root, kind, location)) => {
                    let bundles = bundles_of(&root, &known_by(kind, &path, location));
                    (Some(root), Some(path), bundles)
                }
                None => (None, Some(path), Vec::new()),
            },
        };
        let sha256 = match &item {
            Some(item) => Some(Sha256::of_reader(&mut fs_err::File::open(item)?)?.0),
            None => None,
        };
        let place = item.as_deref().and_then(around);
        let place = place.filter(|(_, kind, _)| *kind != Kind::Evidence);
        Ok(Self {
            item,
            sha256,
            bundles,
            root,
            place: place.map(|(_, kind, location)| format!("{kind}/{location}")),
        })
    }

    /// Holds all evidence against the item.
    pub(super) fn verify(&self, keys: &[PublicKey]) -> anyhow::Result<Verdict> {
        let Some(sha256) = self.sha256 else {
            let mut verdict = Verdict::none("the file that the evidence is to be of is not there");
            for refusal in &mut verdict.refusals {
                refusal.code = Code::NoItem;
            }
            return Ok(verdict);
        };
        let mut all: Option<Verdict> = None;
        for bundle in &self.bundles {
            let verdict = match read(bundle)? {
                Some(bytes) => verify_bundle(&bytes, keys, sha256, self.place.as_deref()),
                None => Verdict::none(format!("there is no file `{}`", bundle.display())),
            };
            match &mut all {
                Some(all) => all.and(verdict),
                None => all = Some(verdict),
            }
        }
        Ok(all.unwrap_or_else(|| Verdict::none("there is no evidence of this file beside it")))
    }

    /// How the file stands that a statement is about.
    pub(super) fn state(&self, subject: &Subject) -> State {
        if self.sha256 == Some(subject.sha256) {
            return State::Same;
        }
        let name = Path::new(&subject.name);
        let stays_inside = name
            .components()
            .all(|part| matches!(part, Component::Normal(_)));
        let Some(root) = self.root.as_ref().filter(|_| stays_inside) else {
            return State::Unknown;
        };
        let path = root.join(name);
        if !path.is_file() {
            return State::Gone;
        }
        let digest = File::open(path).and_then(|mut file| Sha256::of_reader(&mut file));
        match digest {
            Ok((digest, _)) if digest == subject.sha256 => State::Same,
            Ok(_) => State::Changed,
            Err(_) => State::Unknown,
        }
    }

    /// What is not as it was published, among all files that the statements are about.
    pub(super) fn changed(&self, verdict: &Verdict) -> Vec<Refusal> {
        let mut subjects: Vec<&Subject> = verdict
            .lines
            .iter()
            .filter_map(Line::statement)
            .flat_map(|statement| &statement.subjects)
            .collect();
        subjects.sort();
        subjects.dedup();
        let refused = subjects.into_iter().filter_map(|subject| {
            let why = match self.state(subject) {
                State::Same => return None,
                State::Changed => "is not the one that was published",
                State::Gone => "is not there any more",
                State::Unknown => "could not be looked at",
            };
            let text = format!("`{}` {why}", subject.name);
            Some(Refusal::new(Code::SubjectMismatch, text))
        });
        refused.collect()
    }
}

/// The repository around a file, in which kind of folder it lies there, and where.
fn around(path: &Path) -> Option<(PathBuf, Kind, String)> {
    let kinds = [Kind::Evidence, Kind::Pkgs, Kind::Pkgsinfo];
    path.ancestors().skip(1).find_map(|folder| {
        let name = folder.file_name()?.to_str()?;
        let kind = kinds.into_iter().find(|kind| kind.as_str() == name)?;
        let root = folder.parent()?;
        let is_repository = root.join(Kind::Evidence.as_str()).is_dir();
        let location = path.strip_prefix(folder).ok()?.to_str()?;
        is_repository.then(|| (root.to_owned(), kind, location.to_owned()))
    })
}

/// By what an item is known among the evidence: a pkginfo by its package, if it has one.
fn known_by(kind: Kind, path: &Path, location: String) -> String {
    if kind != Kind::Pkgsinfo {
        return location;
    }
    let mut bytes = Vec::new();
    let read = File::open(path).and_then(|file| file.take(LARGEST_PKGINFO).read_to_end(&mut bytes));
    let package = read.ok().and_then(|_| {
        let pkginfo = proplist::from_bytes(&bytes).ok()?;
        let package = pkginfo.as_dict()?.get("installer_item_location")?;
        package.as_str().map(str::to_owned)
    });
    package.unwrap_or(location)
}

/// The item that a file of evidence is of: a package, or a pkginfo without one.
fn item_of_bundle(root: &Path, location: &str) -> Option<PathBuf> {
    let items = item_of(location)?.into_iter();
    let mut places = items.flat_map(|item| {
        [Kind::Pkgs, Kind::Pkgsinfo].map(|kind| root.join(kind.as_str()).join(item))
    });
    places.find(|place| place.is_file())
}

fn bundles_of(root: &Path, location: &str) -> Vec<PathBuf> {
    let folder = root.join(Kind::Evidence.as_str());
    (1..=MOST_BUNDLES)
        .map(|number| folder.join(bundle_name(location, number)))
        .take_while(|path| path.is_file())
        .collect()
}

/// As much of a bundle as is ever read; nothing if it is not there.
fn read(path: &Path) -> anyhow::Result<Option<Vec<u8>>> {
    let file = match fs_err::File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let limit = u64::try_from(LARGEST_BUNDLE).unwrap_or(u64::MAX);
    let mut bytes = Vec::new();
    file.take(limit.saturating_add(1)).read_to_end(&mut bytes)?;
    Ok(Some(bytes))
}
