//! `media`: looks into disk images, packages and archives.

use std::{
    borrow::Cow,
    collections::BTreeMap,
    fmt,
    io::{self, Read},
};

use anyhow::Context as _;
use media::{Attributes, Description, Entry, Kind, Location, MediaError, Tree};
use model::{Sha256, Timestamp};
use serde::{Serialize, Serializer};
use wire::{Budget, SourceReader};

use crate::{
    cli::media::{Extract, File, Info, Ls, Media},
    commands::password::options,
    exit::ExitStatus,
    printer::{Lines, Printer},
};

/// How many bytes are read at a time.
const CHUNK: usize = 256 << 10;

/// Does what was asked.
pub(crate) fn run(verb: &Media, printer: Printer) -> anyhow::Result<ExitStatus> {
    let done = match verb {
        Media::Cat(arguments) => cat(arguments, printer),
        Media::Extract(arguments) => extract(arguments, printer),
        Media::Hash(arguments) => hash(arguments, printer),
        Media::Info(arguments) => info(arguments, printer),
        Media::Image(arguments) => image(arguments, printer),
        Media::Ls(arguments) => ls(arguments, printer),
    };
    let Err(error) = done else {
        return Ok(ExitStatus::Done);
    };
    let Some(next_step) = error.chain().find_map(next_step) else {
        return Err(error);
    };
    printer.error(&error);
    printer.hint(next_step);
    Ok(ExitStatus::Failed)
}

/// What to do about a medium that is shut.
fn next_step(error: &(dyn std::error::Error + 'static)) -> Option<&'static str> {
    Some(match error.downcast_ref()? {
        MediaError::Encrypted { .. } => {
            "give the password in the first line of a file: `--password-file FILE`"
        }
        MediaError::Locked { .. } => {
            "decrypt it with a tool that can, or ask the vendor for a copy that is not encrypted"
        }
        MediaError::WrongPassword { .. } => {
            "the password is the first line of the file, without its end; look for blanks at its end"
        }
        _ => return None,
    })
}

fn cat(arguments: &File, printer: Printer) -> anyhow::Result<()> {
    let path = &arguments.path;
    let options = options(&arguments.password)?;
    let Location { tree, inner } = media::locate_with(path, &options)?;
    let inner = media::follow(&*tree, &inner)?;
    let reader = tree.open(&inner)?;
    let unreadable = format!("cannot read `{}` to its end", path.display());
    pour(reader, unreadable, printer)
}

fn image(arguments: &File, printer: Printer) -> anyhow::Result<()> {
    let path = &arguments.path;
    let image = media::image_with(path, &options(&arguments.password)?)?;
    let unreadable = format!("cannot decode `{}` to its end", path.display());
    pour(SourceReader::new(image), unreadable, printer)
}

/// Writes all that `reader` holds to standard output; `unreadable` is what is said when it cannot be read.
fn pour(mut reader: impl Read, unreadable: String, printer: Printer) -> anyhow::Result<()> {
    let mut buffer = vec![0; CHUNK];
    loop {
        let read = match reader.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error).context(unreadable),
        };
        let written = printer.bytes(buffer.get(..read).unwrap_or_default());
        written.context("standard output cannot be written")?;
    }
}

fn extract(arguments: &Extract, printer: Printer) -> anyhow::Result<()> {
    let Location { tree, inner } =
        media::look_into_with(&arguments.path, &options(&arguments.password)?)?;
    let attributes = if arguments.xattrs {
        Attributes::Keep
    } else {
        Attributes::Leave
    };
    let mut budget = Budget::for_medium("extraction");
    let done = media::extract_within(&*tree, &inner, &arguments.dest, attributes, &mut budget)?;
    printer.talk(format!(
        "Extracted {} files, {} folders and {} links, {} bytes, to `{}`",
        done.files,
        done.folders,
        done.links,
        done.bytes,
        arguments.dest.display()
    ));
    match (done.lost_xattrs, attributes) {
        (0, _) => {}
        (lost, Attributes::Keep) => printer.warning(format!(
            "{lost} extended attributes could not be kept on this file system"
        )),
        (left, Attributes::Leave) => printer.talk(format!(
            "{left} extended attributes were left out; `--xattrs` keeps them"
        )),
    }
    Ok(())
}

/// A line for each file, in the order of the paths.
fn hash(arguments: &File, printer: Printer) -> anyhow::Result<()> {
    let options = options(&arguments.password)?;
    let (tree, inner) = match media::look_into_with(&arguments.path, &options) {
        Ok(Location { tree, inner }) => (tree, inner),
        // An ordinary file of the host is no container.
        Err(MediaError::Unknown { .. }) => {
            let Location { tree, inner } = media::locate_with(&arguments.path, &options)?;
            let inner = media::follow(&*tree, &inner)?;
            (tree, inner)
        }
        Err(error) => return Err(error.into()),
    };
    for entry in media::walk(&*tree, &inner)? {
        if entry.is_file() {
            printer.data(format!(
                "{}  {}",
                digest(&*tree, &entry)?,
                field(&entry.path)
            ))?;
        }
    }
    Ok(())
}

fn info(arguments: &Info, printer: Printer) -> anyhow::Result<()> {
    let options = options(&arguments.password)?;
    let described = media::describe(&arguments.path, &options)?;
    let verified = arguments
        .verify
        .then(|| media::verify(&arguments.path, &options))
        .transpose()?;
    if arguments.json {
        let path = arguments.path.to_string_lossy().into_owned();
        let answer = Described::new(path, &described, verified);
        let json =
            serde_json::to_string(&answer).context("the answer cannot be written as JSON")?;
        return Ok(printer.data(json)?);
    }
    for layer in &described.layers {
        match layer.bytes {
            0 => printer.data(layer.format)?,
            bytes => printer.data(format!("{}, {bytes} bytes", layer.format))?,
        }
        for (what, fact) in &layer.facts {
            printer.data(format!("    {what:12} {fact}"))?;
        }
    }
    match described.contents {
        Ok(contents) => printer.data(format!(
            "{} files, {} folders and {} links, {} bytes",
            contents.files, contents.folders, contents.links, contents.bytes
        ))?,
        Err(error) => printer.data(format!("Not opened: {error}"))?,
    }
    if let Some(bytes) = verified {
        printer.data(format!(
            "{bytes} bytes of contents read, and every checksum is right"
        ))?;
    }
    Ok(())
}

/// The answer of `media info --json`.
#[derive(Debug, Serialize)]
struct Described {
    schema: u32,
    path: String,
    layers: Vec<DescribedLayer>,
    contents: Option<DescribedContents>,
    /// Why there are no contents.
    error: Option<String>,
    verified_bytes: Option<u64>,
}

#[derive(Debug, Serialize)]
struct DescribedLayer {
    format: &'static str,
    bytes: u64,
    facts: BTreeMap<&'static str, String>,
}

#[derive(Debug, Serialize)]
struct DescribedContents {
    files: u64,
    folders: u64,
    links: u64,
    bytes: u64,
}

impl Described {
    fn new(path: String, described: &Description, verified_bytes: Option<u64>) -> Self {
        let layers = described.layers.iter().map(|layer| DescribedLayer {
            format: layer.format,
            bytes: layer.bytes,
            facts: layer.facts.iter().cloned().collect(),
        });
        let contents = described.contents.as_ref();
        Self {
            schema: 1,
            path,
            layers: layers.collect(),
            contents: contents.ok().map(|contents| DescribedContents {
                files: contents.files,
                folders: contents.folders,
                links: contents.links,
                bytes: contents.bytes,
            }),
            error: contents.err().map(ToString::to_string),
            verified_bytes,
        }
    }
}

fn ls(arguments: &Ls, printer: Printer) -> anyhow::Result<()> {
    let Location { tree, inner } =
        media::look_into_with(&arguments.path, &options(&arguments.password)?)?;
    let mut lines = printer.lines();
    for entry in media::walk(&*tree, &inner)? {
        let line = Line::new(&*tree, entry, arguments.hash)?;
        if arguments.json {
            let json =
                serde_json::to_string(&line).context("an entry cannot be written as JSON")?;
            lines.data(json)?;
        } else if arguments.tsv {
            line.write_tsv(&mut lines)?;
        } else {
            lines.data(line.text())?;
        }
    }
    lines.finish()?;
    // The process ends, and the system takes back at once what would be given back in many thousand pieces.
    std::mem::forget(tree);
    Ok(())
}

/// One entry of a listing.
#[derive(Debug, Serialize)]
struct Line {
    path: String,
    kind: &'static str,
    bytes: Option<u64>,
    sha256: Option<Sha256>,
    target: Option<String>,
    mode: Octal,
    modified: Option<Moment>,
    uid: Option<u32>,
    gid: Option<u32>,
}

impl Line {
    fn new(tree: &dyn Tree, entry: Entry, hash: bool) -> anyhow::Result<Self> {
        let sha256 = if hash && entry.is_file() {
            Some(digest(tree, &entry)?)
        } else {
            None
        };
        let bytes = entry.len_bytes();
        let (kind, target) = match entry.kind {
            Kind::File { .. } => ("file", None),
            Kind::Folder => ("dir", None),
            Kind::Link { target } => ("link", Some(target)),
        };
        Ok(Self {
            path: entry.path,
            kind,
            bytes,
            sha256,
            target,
            mode: Octal(entry.mode),
            modified: entry.modified.map(Moment),
            uid: entry.uid,
            gid: entry.gid,
        })
    }

    fn write_tsv(&self, lines: &mut Lines) -> io::Result<()> {
        let (path, kind) = (field(&self.path), self.kind);
        let bytes = OrDash(self.bytes);
        let digest = OrDash(self.sha256);
        let target = OrDash(self.target.as_deref().map(field));
        lines.data(format_args!("{path}\t{kind}\t{bytes}\t{digest}\t{target}"))
    }

    fn text(&self) -> String {
        let bytes = self
            .bytes
            .map_or_else(String::new, |bytes| bytes.to_string());
        let target = self.target.as_ref();
        let target = target.map_or_else(String::new, |target| format!(" -> {}", field(target)));
        let digest = self
            .sha256
            .map_or_else(String::new, |digest| format!("{digest}  "));
        let (kind, mode, path) = (self.kind, self.mode, field(&self.path));
        format!("{kind:4} {mode} {bytes:>12}  {digest}{path}{target}")
    }
}

/// Permission bits, in octal.
#[derive(Clone, Copy, Debug)]
struct Octal(u32);

impl fmt::Display for Octal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04o}", self.0)
    }
}

impl Serialize for Octal {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// A time, as RFC 3339 writes it, in UTC.
#[derive(Debug)]
struct Moment(Timestamp);

impl Serialize for Moment {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

/// What there is, or a dash.
struct OrDash<T>(Option<T>);

impl<T: fmt::Display> fmt::Display for OrDash<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Some(value) => value.fmt(f),
            None => f.write_str("-"),
        }
    }
}

/// Text that stays in its field and on its line, and tells a terminal nothing: what a medium names its files is up to
/// whoever made it. Backslashes are escaped, too, so that no two names look the same.
fn field(text: &str) -> Cow<'_, str> {
    if text.contains(|char: char| char == '\\' || char.is_control()) {
        Cow::Owned(text.chars().map(escaped).collect())
    } else {
        Cow::Borrowed(text)
    }
}

fn escaped(char: char) -> String {
    match char {
        '\\' => "\\\\".to_owned(),
        '\t' => "\\t".to_owned(),
        '\n' => "\\n".to_owned(),
        control if control.is_control() => format!("\\x{:02X}", u32::from(control)),
        other => other.to_string(),
    }
}

fn digest(tree: &dyn Tree, entry: &Entry) -> anyhow::Result<Sha256> {
    let mut reader = tree.open(&entry.path)?;
    let (digest, _) = Sha256::of_reader(&mut reader)
        .with_context(|| format!("cannot read `{}` to its end", entry.path))?;
    Ok(digest)
}

#[cfg(test)]
mod tests {
    use super::field;

    #[test]
    fn a_field_has_no_control_characters() {
        for (text, expected) in [
            ("a b \u{e4}", "a b \u{e4}"),
            ("a\tb\nc", "a\\tb\\nc"),
            ("a\\tb", "a\\\\tb"),
            ("\x1b[2J\0\r\x7f\u{9b}", "\\x1B[2J\\x00\\x0D\\x7F\\x9B"),
        ] {
            assert_eq!(field(text), expected);
        }
    }
}
