//! The disk images that the vendor, or whoever broke into the vendor's server, has made.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, ensure};

use super::software::{Release, Software};

/// What is wrong with an image.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Variant {
    /// Nothing.
    Genuine,
    /// One bit of one byte of the program is another.
    OneByteChanged,
    /// What another vendor signed carries the item's name.
    OtherTeam,
    /// There is a file in it that the vendor never shipped.
    Infected,
}

/// Makes images, below one folder.
#[derive(Debug)]
pub(super) struct ImageMaker {
    folder: PathBuf,
}

impl ImageMaker {
    pub(super) fn new(folder: &Path) -> Self {
        Self {
            folder: folder.to_owned(),
        }
    }

    /// Makes the image of a release. It takes its time, and is for a thread that may block.
    ///
    /// # Errors
    /// If the software cannot be read, or the image not written.
    pub(super) fn make(
        &self,
        software: &Software,
        release: &Release,
        variant: Variant,
    ) -> anyhow::Result<PathBuf> {
        let name = format!("{}-{}-{variant:?}", software.name, release.version);
        let contents = self.folder.join(&name);
        fs_err::create_dir_all(&contents)?;
        for (source, file_name) in &release.contents {
            copy(source, &contents.join(file_name))?;
        }
        spoil(software, &contents, variant)?;
        fs_err::write(contents.join("Read Me.txt"), read_me(software, release))?;
        let image = self.folder.join(format!("{name}.dmg"));
        let volume = format!("{} {}", software.name, release.version);
        media::write::dmg(&contents, &volume, &image)
            .with_context(|| format!("`{}` cannot be written", image.display()))?;
        Ok(image)
    }
}

fn spoil(software: &Software, contents: &Path, variant: Variant) -> anyhow::Result<()> {
    let item = contents.join(software.item);
    match variant {
        Variant::Genuine => Ok(()),
        Variant::OneByteChanged => change_one_byte(&main_program(&item)?),
        Variant::OtherTeam => {
            if item.is_dir() {
                fs_err::remove_dir_all(&item)?;
            } else {
                fs_err::remove_file(&item)?;
            }
            copy(&software.impostor, &item)
        }
        Variant::Infected => {
            let script = "#!/bin/sh\n# What the demo's scanner calls a trojan.\nexit 0\n";
            Ok(fs_err::write(contents.join("Install.command"), script)?)
        }
    }
}

fn read_me(software: &Software, release: &Release) -> String {
    format!("{} {}\n", software.name, release.version)
}

/// Copies a file or bundle, which may lie in a container.
fn copy(source: &Path, target: &Path) -> anyhow::Result<()> {
    let read = || -> Result<(), media::MediaError> {
        let place = media::locate(source)?;
        media::extract(&*place.tree, &place.inner, target)?;
        Ok(())
    };
    read().with_context(|| format!("`{}` cannot be read", source.display()))
}

/// The program itself: the only one in the bundle's folder of programs, or the item if it is no bundle.
fn main_program(item: &Path) -> anyhow::Result<PathBuf> {
    if item.is_file() {
        return Ok(item.to_owned());
    }
    let folder = item.join("Contents/MacOS");
    let mut programs = fs_err::read_dir(folder)?;
    let program = programs.next().context("a bundle without a program")??;
    ensure!(programs.next().is_none(), "a bundle with several programs");
    Ok(program.path())
}

/// Flips a bit in the first half of a program, where its code is; the signature is at its end.
fn change_one_byte(program: &Path) -> anyhow::Result<()> {
    let mut bytes = fs_err::read(program)?;
    let place = bytes.len() / 4;
    let byte = bytes.get_mut(place).context("an empty program")?;
    *byte ^= 1;
    Ok(fs_err::write(program, bytes)?)
}
