//! A whole house in one folder: the program's configuration, and stand-ins for everybody it talks to.

mod config;
mod desk;
mod program;
mod repository;

use std::{
    net::TcpListener,
    path::{Path, PathBuf},
};

use anyhow::Context as _;

pub use desk::{Desk, News};
pub use program::{Finished, Program};
pub use repository::{Item, RepositoryView};

use crate::{vendor::Vendor, virus_total::VirusTotal};

/// A house, its vendor, its scanner and its service desk, all on loopback; they end when it is dropped.
///
/// What is on disk stays until its owner removes the folder.
#[derive(Debug)]
pub struct TestHouse {
    root: PathBuf,
    program: Program,
    serve_port: u16,
    /// The vendor's web server.
    pub vendor: Vendor,
    /// The scanner.
    pub virus_total: VirusTotal,
    /// Where incidents arrive.
    pub desk: Desk,
}

impl TestHouse {
    /// Starts the stand-ins, and furnishes the empty folder `root` for the program at `program`.
    ///
    /// # Errors
    /// If a stand-in does not start, or the folder cannot be written to.
    pub async fn start(root: &Path, program: &Path) -> anyhow::Result<Self> {
        fs_err::create_dir_all(root)?;
        let root = fs_err::canonicalize(root)?;
        for name in ["home", "recipes", "overrides", "upstream", "var"] {
            fs_err::create_dir_all(root.join(name))?;
        }
        let house = Self {
            program: Program::new(program, &root)?,
            serve_port: free_port()?,
            vendor: Vendor::start().await?,
            virus_total: VirusTotal::start().await?,
            desk: Desk::start(&root.join("mail")).await?,
            root,
        };
        house.write_config()?;
        let preferences = house.root.join("home/com.github.autopkg.plist");
        fs_err::write(preferences, config::NO_PREFERENCES)?;
        Ok(house)
    }

    /// Writes the configuration file anew: a stand-in may have another port than before.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn write_config(&self) -> anyhow::Result<()> {
        fs_err::write(self.config_file(), config::text(self))?;
        Ok(())
    }

    /// Its folder.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Its configuration file.
    pub fn config_file(&self) -> PathBuf {
        self.root.join("auto-update.toml")
    }

    /// The folder of overrides.
    pub fn overrides(&self) -> PathBuf {
        self.root.join("overrides")
    }

    /// The folder of recipes that are not in a repository.
    pub fn recipes(&self) -> PathBuf {
        self.root.join("recipes")
    }

    /// The Munki repository.
    pub fn repository(&self) -> PathBuf {
        self.root.join("var/repo")
    }

    /// The program, to be run in this house.
    pub const fn program(&self) -> &Program {
        &self.program
    }

    /// The port that `serve` listens on.
    pub const fn serve_port(&self) -> u16 {
        self.serve_port
    }

    /// What is in the repository, checked.
    ///
    /// # Errors
    /// If it is not whole.
    pub fn view(&self) -> anyhow::Result<RepositoryView> {
        RepositoryView::of(&self.repository())
    }
}

/// A port of the loopback interface that is free now.
fn free_port() -> anyhow::Result<u16> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).context("no port")?;
    Ok(listener.local_addr()?.port())
}
