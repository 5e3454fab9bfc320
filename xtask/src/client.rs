//! Builds the client: for Macs, both architectures in one file, or for this machine.
//!
//! A Mac links by itself. Elsewhere Zig does, which brings the headers and symbols of macOS's C library; the one framework
//! that the client is linked with is described in `macos/`. No SDK is needed.

use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, bail, ensure};

use crate::{command, python::Tools};

/// An architecture of Macs.
struct Mac {
    /// As Rust names it.
    target: &'static str,
    /// As Mach-O does: the processor, and which of them.
    cpu: (u32, u32),
    /// The oldest macOS that the client runs on: Munki 6's, and the first for Apple's own processors.
    oldest: &'static str,
}

/// In the order in which `lipo` writes them.
const MACS: [Mac; 2] = [
    Mac {
        target: "x86_64-apple-darwin",
        cpu: (0x0100_0007, 3),
        oldest: "10.13",
    },
    Mac {
        target: "aarch64-apple-darwin",
        cpu: (0x0100_000c, 0),
        oldest: "11.0",
    },
];
/// The most that one architecture may take, in bytes.
const MOST: usize = 6_000_000;
/// `FAT_MAGIC` of `mach-o/fat.h`.
const FAT_MAGIC: u32 = 0xcafe_babe;
/// Programs begin at pages, which are of 16 KiB on Apple's own processors; as a power of two.
const ALIGN: u32 = 14;

/// What links for Macs on other systems.
const LINKER: Tools = Tools {
    folder: "mac-linker",
    packages: &["ziglang==0.17.1", "cargo-zigbuild==0.24.1"],
    probe: "import ziglang; import importlib.metadata as m; m.version('cargo-zigbuild')",
};

/// Builds it, and says what came of it.
///
/// # Errors
/// If it cannot be built, or is larger than it may be.
pub(crate) fn run(options: &[&str]) -> anyhow::Result<()> {
    match options {
        [] => for_macs(),
        ["--host"] => for_this_machine(),
        _ => bail!("`cargo xtask client` takes nothing, or `--host`"),
    }
}

fn for_this_machine() -> anyhow::Result<()> {
    let program = build(None)?;
    let bytes = fs_err::read(&program)?;
    tell(&program, bytes.len())
}

fn for_macs() -> anyhow::Result<()> {
    prepare()?;
    let mut slices = Vec::new();
    for mac in &MACS {
        let program = build(Some(mac))?;
        let bytes = fs_err::read(&program)?;
        tell(&program, bytes.len())?;
        slices.push(Slice {
            cpu: mac.cpu,
            bytes,
        });
    }
    let joined = join(&slices)?;
    let out = command::root().join("target/client/auto-update-client");
    fs_err::create_dir_all(out.parent().context("a folder")?)?;
    fs_err::write(&out, &joined)?;
    eprintln!("client: {} of {} bytes", out.display(), joined.len());
    Ok(())
}

/// Gets what compiles and links for Macs.
fn prepare() -> anyhow::Result<()> {
    for mac in &MACS {
        command::run(Command::new("rustup").args(["--quiet", "target", "add", mac.target]))?;
    }
    if cfg!(target_os = "macos") {
        return Ok(());
    }
    LINKER.install()
}

fn build(mac: Option<&Mac>) -> anyhow::Result<PathBuf> {
    let mut cargo = match mac {
        Some(_) if !cfg!(target_os = "macos") => elsewhere()?,
        _ => {
            let mut cargo = command::cargo();
            cargo.arg("build");
            cargo
        }
    };
    cargo.args(["--profile", "client", "--package", "client"]);
    let mut folder = command::root().join("target");
    if let Some(mac) = mac {
        cargo
            .args(["--target", mac.target])
            .env("MACOSX_DEPLOYMENT_TARGET", mac.oldest);
        folder.push(mac.target);
    }
    command::run(&mut cargo)?;
    Ok(folder.join("client/auto-update-client"))
}

/// `cargo zigbuild`, with the programs it needs, and the frameworks that Zig does not bring.
fn elsewhere() -> anyhow::Result<Command> {
    let programs = LINKER.programs();
    let others = env::var_os("PATH").unwrap_or_default();
    let path = env::join_paths(
        [programs.clone()]
            .into_iter()
            .chain(env::split_paths(&others)),
    )?;
    let frameworks = command::root().join("xtask/macos");
    let mut cargo = Command::new(programs.join("cargo-zigbuild"));
    cargo
        .arg("zigbuild")
        .current_dir(command::root())
        .env("PATH", path)
        .env(
            "RUSTFLAGS",
            format!("-Clink-arg=-F{}", frameworks.display()),
        );
    Ok(cargo)
}

fn tell(program: &Path, len: usize) -> anyhow::Result<()> {
    eprintln!("client: {} of {len} bytes", program.display());
    ensure!(len <= MOST, "that is more than {MOST} bytes");
    Ok(())
}

/// The program of one architecture.
struct Slice {
    cpu: (u32, u32),
    bytes: Vec<u8>,
}

/// One file of all: a head that says where each lies, and each at a page of its own.
fn join(slices: &[Slice]) -> anyhow::Result<Vec<u8>> {
    let page = 1_usize << ALIGN;
    let number = |number: usize| u32::try_from(number).context("it is too long");
    let mut head = Vec::new();
    head.extend(FAT_MAGIC.to_be_bytes());
    head.extend(number(slices.len())?.to_be_bytes());
    let mut body = Vec::new();
    for slice in slices {
        let at = page.saturating_add(body.len()).next_multiple_of(page);
        body.resize(at.saturating_sub(page), 0);
        let (offset, len) = (number(at)?, number(slice.bytes.len())?);
        for field in [slice.cpu.0, slice.cpu.1, offset, len, ALIGN] {
            head.extend(field.to_be_bytes());
        }
        body.extend(&slice.bytes);
    }
    head.resize(page, 0);
    head.extend(body);
    Ok(head)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_architecture_lies_at_a_page_of_its_own() {
        let slice = |cpu, byte, len| Slice {
            cpu: (cpu, 3),
            bytes: vec![byte; len],
        };
        let joined = join(&[slice(7, 0xaa, 20_000), slice(12, 0xbb, 5)]).unwrap();
        let field = |number: usize| {
            let bytes = joined[number * 4..number * 4 + 4].try_into().unwrap();
            u32::from_be_bytes(bytes)
        };
        assert_eq!((field(0), field(1)), (0xcafe_babe, 2));
        assert_eq!([2, 3, 4, 5, 6].map(field), [7, 3, 16_384, 20_000, 14]);
        assert_eq!([7, 8, 9, 10, 11].map(field), [12, 3, 49_152, 5, 14]);
        assert_eq!((joined[16_383], joined[16_384]), (0, 0xaa));
        assert_eq!((joined[36_383], joined[36_384]), (0xaa, 0));
        assert_eq!(joined[49_152..], [0xbb; 5]);
    }
}
