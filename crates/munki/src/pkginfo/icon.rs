//! The picture of an application, as Munki's repository has it: PNG.

use std::{io, io::Cursor as Bytes};

use icns::{IconFamily, IconType, OSType};
use media::Tree;
use proplist::{Dict, Value};
use wire::Cursor;

use super::{
    Contents, InstallerItem,
    bundle::{self, extension, find, info, is_application, join, last_name},
    error::PkginfoError,
    item::{NamedKind, kind},
};

const PNG: [u8; 8] = *b"\x89PNG\r\n\x1a\n";

/// The side, in pixels, that Munki looks for.
const WANTED: u32 = 512;

/// The icon of the application that the item with this pkginfo installs, as PNG; nothing if there is none.
///
/// # Errors
/// If the item cannot be read, or the application's icon is damaged.
///
/// # Source
/// `iconutils.swift` of Munki 7.0.
pub fn icon_of(item: &InstallerItem, pkginfo: &Dict) -> Result<Option<Vec<u8>>, PkginfoError> {
    let shown = item.path.to_string_lossy();
    match &item.contents {
        Contents::Image { tree, .. } => {
            if let Some(source) = copied(pkginfo) {
                return icon_of_app(&**tree, &source);
            }
            match package_in(&**tree, pkginfo)? {
                Some(path) => icon_in(&*media_open(&**tree, &path)?),
                None => Ok(None),
            }
        }
        Contents::FlatPackage(source) => {
            let budget = wire::Budget::for_medium("package");
            let tree = media::open_source(std::sync::Arc::clone(source), &budget)
                .map_err(PkginfoError::media(shown))?;
            icon_in(&*tree)
        }
        Contents::BundlePackage(_) | Contents::Profile(_) => Ok(None),
    }
}

/// What the pkginfo copies.
fn copied(pkginfo: &Dict) -> Option<String> {
    let items = pkginfo.get("items_to_copy")?.as_array()?;
    let source = items.first()?.as_dict()?.get("source_item")?.as_str()?;
    Some(source.to_owned())
}

fn package_in(tree: &dyn Tree, pkginfo: &Dict) -> Result<Option<String>, PkginfoError> {
    if let Some(path) = pkginfo.get("package_path").and_then(Value::as_str) {
        return Ok(Some(path.to_owned()));
    }
    let children = tree
        .children("")
        .map_err(PkginfoError::media("the disk image"))?;
    Ok(children
        .into_iter()
        .find(|entry| {
            !entry.name().starts_with("._") && kind(entry.name()) == Some(NamedKind::Package)
        })
        .map(|entry| entry.path))
}

/// What is in the flat package at `path`.
fn media_open(tree: &dyn Tree, path: &str) -> Result<std::sync::Arc<dyn Tree>, PkginfoError> {
    let path = media::follow(tree, path).map_err(PkginfoError::media(path))?;
    let source = tree
        .source(&path)
        .map_err(PkginfoError::media(path.clone()))?;
    media::open_source(source, &wire::Budget::for_medium("package"))
        .map_err(PkginfoError::media(path))
}

/// The icon of the first application in the payloads of a package that has one.
fn icon_in(package: &dyn Tree) -> Result<Option<Vec<u8>>, PkginfoError> {
    let entries = media::walk(package, "").map_err(PkginfoError::media("the package"))?;
    for entry in &entries {
        let inside = entry.path.split_once("Payload/").map(|(_, inside)| inside);
        let Some(app) = inside.and_then(|inside| inside.strip_suffix("/Contents/Info.plist"))
        else {
            continue;
        };
        let is_outermost = extension(last_name(app)) == "app" && !app.contains(".app/");
        let bundle = entry.path.strip_suffix("/Contents/Info.plist");
        if let Some(bundle) = bundle.filter(|_| is_outermost)
            && let Some(icon) = icon_of_app(package, bundle)?
        {
            return Ok(Some(icon));
        }
    }
    Ok(None)
}

/// The icon of the application at `path`; nothing if it names none that is there as a file of its own.
fn icon_of_app(tree: &dyn Tree, path: &str) -> Result<Option<Vec<u8>>, PkginfoError> {
    if !is_application(tree, path)? {
        return Ok(None);
    }
    let info = info(tree, path)?.unwrap_or_default();
    let named = ["CFBundleIconName", "CFBundleIconFile"]
        .iter()
        .filter_map(|key| info.get(*key).and_then(Value::as_str));
    let own = bundle::stem(last_name(path));
    for name in named.chain([own]) {
        let name = if extension(name).is_empty() {
            format!("{name}.icns")
        } else {
            name.to_owned()
        };
        let place = join(path, &format!("Contents/Resources/{name}"));
        if let Some(entry) = find(tree, &place)?.filter(media::Entry::is_file) {
            let bytes = bundle::read(tree, &entry.path)?;
            return png(&bytes).map(Some).map_err(|why| PkginfoError::Damaged {
                what: format!("the icon `{place}`"),
                why,
            });
        }
    }
    Ok(None)
}

/// One picture of an icon file.
#[derive(Clone, Copy, Debug)]
struct Picture<'a> {
    kind: IconType,
    bytes: &'a [u8],
}

impl Picture<'_> {
    fn side(&self) -> u32 {
        self.kind.pixel_width()
    }

    /// The better, the smaller: 512 pixels, else the smallest above, else the largest below; of two sizes alike the
    /// one that is not for doubled displays.
    fn rank(&self) -> (u8, u32, u32) {
        let side = self.side();
        match side.cmp(&WANTED) {
            std::cmp::Ordering::Equal => (0, 0, self.kind.pixel_density()),
            std::cmp::Ordering::Greater => (1, side, self.kind.pixel_density()),
            std::cmp::Ordering::Less => (2, WANTED.saturating_sub(side), self.kind.pixel_density()),
        }
    }
}

/// The best picture of the icon file `bytes`, as PNG.
fn png(bytes: &[u8]) -> Result<Vec<u8>, String> {
    let elements = elements(bytes).map_err(|error| error.to_string())?;
    let mut pictures: Vec<Picture<'_>> = elements
        .iter()
        .filter_map(|(name, bytes)| {
            let kind = IconType::from_ostype(OSType(*name)).filter(|kind| !kind.is_mask())?;
            Some(Picture { kind, bytes })
        })
        .collect();
    pictures.sort_by_key(Picture::rank);
    let mut why = "it holds no picture".to_owned();
    for picture in &pictures {
        match decode(picture, &elements) {
            Ok(png) => return Ok(png),
            Err(error) => why = error.to_string(),
        }
    }
    Err(why)
}

/// An element of an icon file: name and bytes.
type Element<'a> = ([u8; 4], &'a [u8]);

/// The elements of an icon file.
fn elements(bytes: &[u8]) -> Result<Vec<Element<'_>>, wire::ParseError> {
    let mut file = Cursor::new("icon file", bytes);
    file.magic(*b"icns")?;
    let len = file.u32_be()?;
    let mut rest = file.part("icon file", u64::from(len).saturating_sub(8))?;
    let mut elements = Vec::new();
    while !rest.is_empty() {
        let name = rest.array::<4>()?;
        let len = u64::from(rest.u32_be()?);
        let Some(len) = len.checked_sub(8) else {
            return Err(rest.invalid("an element shorter than its own header"));
        };
        elements.push((name, rest.take(len)?));
    }
    Ok(elements)
}

/// The picture as PNG: as it is stored, or decoded from the older forms.
fn decode(picture: &Picture<'_>, elements: &[Element<'_>]) -> io::Result<Vec<u8>> {
    let side = picture.side();
    if picture.bytes.starts_with(&PNG) {
        return if png_size(picture.bytes) == Some((side, side)) {
            Ok(picture.bytes.to_vec())
        } else {
            Err(invalid("a picture has another size than the icon says"))
        };
    }
    // JPEG 2000, which some icons of macOS 10.5 hold, is passed over: they hold smaller pictures too.
    if !is_run_length(picture.kind) {
        return Err(invalid("a picture is of a kind that is not read"));
    }
    let mut family = IconFamily::new();
    for (name, bytes) in elements {
        let kind = IconType::from_ostype(OSType(*name));
        if kind == Some(picture.kind) || kind.is_some() && kind == picture.kind.mask_type() {
            family
                .elements
                .push(icns::IconElement::new(OSType(*name), bytes.to_vec()));
        }
    }
    let image = family.get_icon_with_type(picture.kind)?;
    let mut png = Bytes::new(Vec::new());
    image.write_png(&mut png)?;
    Ok(png.into_inner())
}

fn invalid(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

/// The forms without palette, whose lengths the decoder checks.
const fn is_run_length(kind: IconType) -> bool {
    matches!(
        kind,
        IconType::RGB24_16x16
            | IconType::RGB24_32x32
            | IconType::RGB24_48x48
            | IconType::RGB24_128x128
    )
}

/// Width and height that the header of a PNG tells.
fn png_size(bytes: &[u8]) -> Option<(u32, u32)> {
    let mut cursor = Cursor::new("PNG", bytes);
    cursor.skip(12).ok()?;
    cursor.magic(*b"IHDR").ok()?;
    Some((cursor.u32_be().ok()?, cursor.u32_be().ok()?))
}
