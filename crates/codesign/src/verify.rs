//! The way in: finds out what a path names, and has it judged.

use std::{path::Path, sync::Arc};

use media::{Entry, HostTree, Location, MediaError, Tree};
use model::Timestamp;
use wire::{Budget, ReadAt, read_up_to};

use crate::{
    CodesignError, Notarization, Pins, Report,
    bundle::{Layout, judge_bundle, main_program_of},
    checks::Checks,
    image,
    loose::LooseSignature,
    macho, notarization, package,
    program::{Judged, judge_program},
    terms::Terms,
    verdict::{conclude, conclude_package},
};

/// How many paths there are from a main program up to the folder around its bundle, both counted:
/// `around/A.app/Contents/MacOS/A`.
const DEEPEST_PROGRAM: usize = 5;

const NO_CODE: &str = "it is no program, bundle, disk image or flat package";

/// Judges the code at `path`: a program, a bundle, a disk image or a flat package, which may lie in containers. A
/// container that holds nothing but one bundle stands for it. A link is judged as what it leads to, which inside a
/// container must lie there too.
///
/// `now` is the time of judgement for signatures without a time stamp.
///
/// # Errors
/// If the path cannot be read, or names nothing that can carry a signature. A bad signature is a report.
pub fn verify(path: &Path, pins: &Pins, now: Timestamp) -> Result<Report, CodesignError> {
    let name = path.display().to_string();
    if let Some((tree, inner)) = bundle_around(path) {
        let place = Place {
            name: &name,
            tree: &tree,
            inner: &inner,
        };
        return place.judge(pins, terms(pins, now));
    }
    let (tree, inner) = located(path).map_err(|source| CodesignError::Media {
        path: name.clone(),
        source,
    })?;
    let place = Place {
        name: &name,
        tree: tree.as_ref(),
        inner: &inner,
    };
    place.judge(pins, terms(pins, now))
}

/// What `path` leads to when every link is followed.
fn located(path: &Path) -> Result<(Arc<dyn Tree>, String), MediaError> {
    let Location { tree, inner } = media::locate(path)?;
    let inner = media::follow(&*tree, &inner)?;
    Ok((tree, inner))
}

/// The folder around the bundle whose main program `path` is on the host, and the way from there to the program; if
/// it is one.
fn bundle_around(path: &Path) -> Option<(HostTree, String)> {
    // A tree follows no links, and the way may go through some: `Part.framework/Versions/Current/Part`.
    let path = path.canonicalize().ok()?;
    let around = path.ancestors().take(DEEPEST_PROGRAM).last()?;
    let inner = path.strip_prefix(around).ok()?.to_str()?.to_owned();
    let tree = HostTree::new(around).ok()?;
    main_program_of(&tree, &inner)?;
    Some((tree, inner))
}

/// Judges the code at `inner` in `tree`, as [`verify`] does; the report names `inner`.
///
/// # Errors
/// As [`verify`].
pub fn verify_in(
    tree: &dyn Tree,
    inner: &str,
    pins: &Pins,
    now: Timestamp,
) -> Result<Report, CodesignError> {
    let name = inner;
    Place { name, tree, inner }.judge(pins, terms(pins, now))
}

const fn terms(pins: &Pins, now: Timestamp) -> Terms<'_> {
    let revoked = &pins.revoked;
    Terms { now, revoked }
}

/// What a file is, by its bytes.
enum Found {
    DiskImage(Vec<u8>),
    Other,
    Package,
    Program,
}

impl Found {
    fn look(source: &Arc<dyn ReadAt>) -> std::io::Result<Self> {
        let mut head = [0; 8];
        let len = read_up_to(source.as_ref(), 0, &mut head)?;
        let head = head.get(..len).unwrap_or_default();
        Ok(match head {
            _ if macho::is_program(head) => Self::Program,
            _ if package::is_package(head) => Self::Package,
            _ => image::trailer(source.as_ref())?.map_or(Self::Other, Self::DiskImage),
        })
    }
}

/// Where the thing lies that is judged.
#[derive(Clone, Copy)]
struct Place<'a> {
    /// As the caller named it.
    name: &'a str,
    tree: &'a dyn Tree,
    inner: &'a str,
}

impl Place<'_> {
    fn judge(self, pins: &Pins, terms: Terms<'_>) -> Result<Report, CodesignError> {
        let entry = self
            .tree
            .entry(self.inner)
            .map_err(|source| self.failed(source))?;
        if entry.is_folder() {
            return self.judge_folder(pins, terms);
        }
        let source = self
            .tree
            .source(self.inner)
            .map_err(|source| self.failed(source))?;
        let found = Found::look(&source).map_err(|source| CodesignError::Io {
            path: self.name.to_owned(),
            source,
        })?;
        let mut checks = Checks::default();
        match found {
            Found::DiskImage(trailer) => {
                let (judged, notarization) =
                    image::judge_image(&source, &trailer, terms, &mut checks);
                Ok(conclude(self.name, &judged, notarization, pins, checks))
            }
            Found::Package => {
                let judged = package::judge_package(&source, terms, &mut checks);
                Ok(conclude_package(self.name, &judged, pins, checks))
            }
            Found::Program => Ok(self.judge_file(&source, pins, terms)),
            Found::Other => match self.judge_loose(source.as_ref(), pins, terms) {
                Some(report) => Ok(report),
                None => self.judge_container(source, pins, terms),
            },
        }
    }

    /// What is no program may carry its signature in extended attributes.
    fn judge_loose(self, source: &dyn ReadAt, pins: &Pins, terms: Terms<'_>) -> Option<Report> {
        let mut checks = Checks::default();
        let judged = match LooseSignature::in_attributes(self.tree, self.inner) {
            Ok(None) => return None,
            Ok(Some(signature)) => signature.judge(source, None, terms, &mut checks),
            Err(flaw) => {
                checks.fail("structure", flaw);
                Judged::default()
            }
        };
        let notarization = Notarization::None;
        Some(conclude(self.name, &judged, notarization, pins, checks))
    }

    fn judge_container(
        self,
        source: Arc<dyn ReadAt>,
        pins: &Pins,
        terms: Terms<'_>,
    ) -> Result<Report, CodesignError> {
        let budget = Budget::for_medium("container");
        let contents = match media::open_source_named(self.name, source, &budget) {
            Ok(contents) => contents,
            Err(MediaError::Unknown { .. }) => return Err(self.not_code(NO_CODE)),
            Err(error) => return Err(self.failed(error)),
        };
        let children = contents
            .children("")
            .map_err(|source| self.failed(source))?;
        let inner = only_bundle(&children).ok_or_else(|| self.not_code(NO_CODE))?;
        let tree = contents.as_ref();
        Place {
            tree,
            inner,
            ..self
        }
        .judge_folder(pins, terms)
    }

    fn failed(self, source: MediaError) -> CodesignError {
        CodesignError::Media {
            path: self.name.to_owned(),
            source,
        }
    }

    fn judge_folder(self, pins: &Pins, terms: Terms<'_>) -> Result<Report, CodesignError> {
        let mut checks = Checks::default();
        let judged = match Layout::find(self.tree, self.inner) {
            Ok(Some(layout)) => return Ok(self.judge_layout(&layout, pins, terms)),
            Ok(None) => return Err(self.not_code("a folder that is no bundle")),
            Err(flaw) => {
                checks.fail("bundle-structure", flaw);
                Judged::default()
            }
        };
        Ok(conclude(
            self.name,
            &judged,
            Notarization::None,
            pins,
            checks,
        ))
    }

    fn judge_layout(self, layout: &Layout, pins: &Pins, terms: Terms<'_>) -> Report {
        let mut checks = Checks::default();
        let judged = judge_bundle(self.tree, layout, terms, &mut checks);
        let notarization = match layout.ticket(self.tree) {
            _ if judged.is_unsigned => Notarization::None,
            Ok(ticket) => {
                notarization::of_code(ticket.as_deref(), &judged, terms.revoked, &mut checks)
            }
            Err(flaw) => {
                checks.fail(notarization::NAME, flaw);
                Notarization::Mismatch
            }
        };
        conclude(self.name, &judged, notarization, pins, checks)
    }

    /// The main program of a bundle stands for the bundle, as on macOS.
    fn judge_file(self, source: &Arc<dyn ReadAt>, pins: &Pins, terms: Terms<'_>) -> Report {
        let mut checks = Checks::default();
        let judged = match main_program_of(self.tree, self.inner) {
            Some(layout) => return self.judge_layout(&layout, pins, terms),
            None => judge_program(source, None, terms, &mut checks),
        };
        conclude(self.name, &judged, Notarization::None, pins, checks)
    }

    fn not_code(self, what: &str) -> CodesignError {
        CodesignError::NotCode {
            path: self.name.to_owned(),
            what: what.to_owned(),
        }
    }
}

/// The one folder with an extension in a container that holds nothing else that counts.
fn only_bundle(children: &[Entry]) -> Option<&str> {
    let mut counting = children
        .iter()
        .filter(|entry| !matches!(entry.name(), "__MACOSX" | ".DS_Store"));
    match (counting.next(), counting.next()) {
        (Some(entry), None) if entry.is_folder() && entry.name().contains('.') => {
            Some(entry.path.as_str())
        }
        _ => None,
    }
}
