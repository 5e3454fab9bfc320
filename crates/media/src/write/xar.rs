//! Writes xar archives whose members lie in the heap as they are.

use std::{
    fmt::Write as _,
    fs::File,
    io::{self, Read as _, Seek as _, Write},
    path::Path,
};

use flate2::{Compression, write::ZlibEncoder};
use sha1::{Digest as _, Sha1};

use super::{
    cannot_store, escaped, output,
    seal::{self, Sealer},
};
use crate::{MediaError, xar::MAGIC};

/// Length of the digest that the heap begins with.
const DIGEST_LEN: u64 = 20;

/// An archive as it grows: its contents are in an unnamed temporary file.
pub(super) struct XarWriter<'a> {
    sealer: Option<&'a dyn Sealer>,
    heap: File,
    heap_len: u64,
    members: String,
    count: u32,
}

impl<'a> XarWriter<'a> {
    /// An archive of nothing, which `sealer` will sign, if there is one.
    ///
    /// # Errors
    /// If there is no room for temporary files.
    pub(super) fn new(sealer: Option<&'a dyn Sealer>) -> Result<Self, MediaError> {
        Ok(Self {
            sealer,
            heap: tempfile::tempfile().map_err(MediaError::content("the temporary file"))?,
            heap_len: DIGEST_LEN.saturating_add(seal::room(sealer)),
            members: String::new(),
            count: 0,
        })
    }

    /// Begins a folder, which what follows is in until it ends.
    pub(super) fn begin_folder(&mut self, name: &str, mode: u32) -> Result<(), MediaError> {
        self.count = self.count.saturating_add(1);
        write!(
            self.members,
            "  <file id=\"{}\">\n   <mode>{mode:04o}</mode><type>directory</type><name>{}</name>\n",
            self.count,
            escaped(name)
        )
        .map_err(|_full| cannot_store(name, "its name is too long"))
    }

    /// Ends the folder that was begun last.
    pub(super) fn end_folder(&mut self) {
        self.members.push_str("  </file>\n");
    }

    /// Adds a file, whose contents `write` writes.
    ///
    /// # Errors
    /// Those of `write`.
    pub(super) fn file(
        &mut self,
        name: &str,
        mode: u32,
        write: &mut dyn FnMut(&mut dyn Write) -> Result<(), MediaError>,
    ) -> Result<(), MediaError> {
        let mut contents = Hashed {
            to: &mut self.heap,
            len: 0,
            digest: Sha1::new(),
        };
        write(&mut contents)?;
        let (len, digest) = (contents.len, hex::encode(contents.digest.finalize()));
        self.count = self.count.saturating_add(1);
        write!(
            self.members,
            "  <file id=\"{}\">\n   <data><length>{len}</length><offset>{}</offset>\
             <size>{len}</size><encoding style=\"application/octet-stream\"/>\
             <extracted-checksum style=\"sha1\">{digest}</extracted-checksum>\
             <archived-checksum style=\"sha1\">{digest}</archived-checksum></data>\n   \
             <mode>{mode:04o}</mode><type>file</type><name>{}</name>\n  </file>\n",
            self.count,
            self.heap_len,
            escaped(name)
        )
        .map_err(|_full| cannot_store(name, "its name is too long"))?;
        self.heap_len = self.heap_len.saturating_add(len);
        Ok(())
    }

    /// Writes the archive, which appears at `out` when it is whole.
    ///
    /// # Errors
    /// If it cannot be written.
    pub(super) fn finish(mut self, out: &Path) -> Result<(), MediaError> {
        let failed = MediaError::host(out);
        let sealed = self
            .sealer
            .map(|sealer| seal::described(sealer, DIGEST_LEN))
            .transpose()?;
        let toc = format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<xar>\n <toc>\n  <checksum style=\"sha1\">\
             <offset>0</offset><size>{DIGEST_LEN}</size></checksum>\n{}{} </toc>\n</xar>\n",
            sealed.unwrap_or_default(),
            self.members
        );
        let (head, digest) = head(&toc).map_err(&failed)?;
        let mut file = output(out)?;
        file.write_all(&head).map_err(&failed)?;
        file.write_all(&digest).map_err(&failed)?;
        if let Some(sealer) = self.sealer {
            file.write_all(&seal::made(sealer, &digest)?)
                .map_err(&failed)?;
        }
        self.heap.rewind().map_err(&failed)?;
        io::copy(&mut self.heap, &mut file).map_err(&failed)?;
        file.persist(out).map_err(|error| failed(error.error))?;
        Ok(())
    }
}

/// Counts and digests what is written.
struct Hashed<'a> {
    to: &'a mut File,
    len: u64,
    digest: Sha1,
}

impl Write for Hashed<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let len = self.to.write(bytes)?;
        self.digest.update(bytes.get(..len).unwrap_or_default());
        self.len = self.len.saturating_add(len as u64);
        Ok(len)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}

/// What comes before the contents: the header with the table of contents, and its digest.
fn head(toc: &str) -> io::Result<(Vec<u8>, Vec<u8>)> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(toc.as_bytes())?;
    let stored = encoder.finish()?;
    let mut bytes = MAGIC.to_vec();
    bytes.extend([0, 28, 0, 1]); // length of the header, version
    for len in [stored.len(), toc.len()] {
        bytes.extend((len as u64).to_be_bytes());
    }
    bytes.extend(1_u32.to_be_bytes()); // SHA-1
    bytes.extend(&stored);
    Ok((bytes, Sha1::digest(&stored).to_vec()))
}

/// Copies what a file of a tree holds.
pub(super) fn copy(
    tree: &dyn crate::Tree,
    path: &str,
    out: &mut dyn Write,
) -> Result<(), MediaError> {
    let mut reader = tree.open(path)?.take(u64::MAX);
    io::copy(&mut reader, out)
        .map(drop)
        .map_err(MediaError::content(path))
}
