//! Installs what building, tests and demo need that cargo cannot bring.

use std::{
    io::{self, IsTerminal as _, Write as _},
    path::Path,
    process::Command,
};

use anyhow::bail;

use crate::{command, postgres, python::Tools};

/// Something that must be on the machine.
struct Need {
    /// What it is, for people.
    name: &'static str,
    /// Why, for people.
    why: &'static str,
    /// The package of Debian and Ubuntu that brings it.
    package: &'static str,
    /// Whether it is there.
    is_met: fn() -> bool,
}

const NEEDS: [Need; 14] = [
    Need {
        name: "a C compiler",
        why: "libgit2, SQLite and the TLS library are C code",
        package: "build-essential",
        is_met: || command::succeeds("cc", &["--version"]),
    },
    Need {
        name: "pkg-config",
        why: "finds OpenSSL for libgit2",
        package: "pkg-config",
        is_met: || command::succeeds("pkg-config", &["--version"]),
    },
    Need {
        name: "OpenSSL's headers",
        why: "recipe repositories are cloned over https and ssh",
        package: "libssl-dev",
        is_met: || command::succeeds("pkg-config", &["--exists", "openssl"]),
    },
    Need {
        name: "git",
        why: "tests and demo make recipe repositories",
        package: "git",
        is_met: || command::succeeds("git", &["--version"]),
    },
    Need {
        name: "bubblewrap",
        why: "processors of recipe repositories run in it",
        package: "bubblewrap",
        is_met: || command::succeeds("bwrap", &["--version"]),
    },
    Need {
        name: "the system's Python",
        why: "processors of recipe repositories are Python",
        package: "python3",
        is_met: || command::succeeds("/usr/bin/python3", &["--version"]),
    },
    Need {
        name: "venv for Python",
        why: "the S3 server that tests publish to, and what tests the API, lie in folders of their own",
        package: "python3-venv",
        is_met: || command::succeeds("python3", &["-c", "import ensurepip, venv"]),
    },
    Need {
        name: "PostgreSQL",
        why: "the state of a cluster lies there, and tests run on it as well as on SQLite",
        package: "postgresql",
        is_met: postgres::is_installed,
    },
    Need {
        name: "ClamAV's daemon",
        why: "tests have it scan what they publish",
        package: "clamav-daemon",
        is_met: || {
            ["clamd", "/usr/sbin/clamd"]
                .iter()
                .any(|program| command::succeeds(program, &["--version"]))
        },
    },
    Need {
        name: "NGINX",
        why: "pods are served by it as well as by the service itself",
        package: "nginx",
        is_met: || {
            ["nginx", "/usr/sbin/nginx"]
                .iter()
                .any(|nginx| command::succeeds(nginx, &["-v"]))
        },
    },
    Need {
        name: "Chromium",
        why: "tests look at the pages as people do",
        package: "chromium",
        is_met: || {
            ["chromium", "chromium-browser", "google-chrome"]
                .iter()
                .any(|browser| command::succeeds(browser, &["--version"]))
        },
    },
    Need {
        name: "chromedriver",
        why: "tests lead Chromium by it",
        package: "chromium-driver",
        is_met: || command::succeeds("chromedriver", &["--version"]),
    },
    Need {
        name: "npm",
        why: "brings axe, which tells whether everybody can use the pages, and Azurite, which tests publish to",
        package: "npm",
        is_met: || command::succeeds("npm", &["--version"]),
    },
    Need {
        name: "aiosmtpd",
        why: "the SMTP server that tests and demo send mail to",
        package: "python3-aiosmtpd",
        is_met: || {
            ["/usr/bin/python3", "python3"]
                .iter()
                .any(|python| command::succeeds(python, &["-c", "import aiosmtpd"]))
        },
    },
];

/// The server that speaks S3 to tests, and the library by which a client of somebody else's making talks to envQUERY in
/// them: no distribution has the former as a package.
const TEST_TOOLS: Tools = Tools {
    folder: "s3-server",
    packages: &["moto[s3,server]==5.2.5", "PyJWT==2.10.1"],
    probe: "import moto.server, jwt",
};

/// What asks the API everything that its document allows, and what it does not.
const API_TESTER: Tools = Tools {
    folder: "api-tester",
    packages: &["schemathesis==4.32.5"],
    probe: "import schemathesis",
};

/// What tells whether everybody can use a page.
const AXE: Module = Module {
    folder: "axe",
    package: "axe-core@4.14.1",
    probe: "axe-core/axe.min.js",
};

/// The server that speaks to tests as Azure Blob Storage does.
const AZURITE: Module = Module {
    folder: "azurite",
    package: "azurite@3.35.0",
    probe: "azurite/dist/src/blob/main.js",
};

/// Something that npm has.
struct Module {
    /// The folder below `target` that it goes to.
    folder: &'static str,
    /// Its name and version, as npm knows it.
    package: &'static str,
    /// A file of it, which is there when it is installed.
    probe: &'static str,
}

/// Says what is missing.
///
/// # Errors
/// If anything is.
pub(crate) fn check() -> anyhow::Result<()> {
    let missing = missing();
    if missing.is_empty() {
        eprintln!("Nothing is missing.");
        return Ok(());
    }
    bail!("missing: {}", list(&missing));
}

/// Installs what is missing, after asking unless it may do so anyway.
///
/// # Errors
/// If something stays missing.
pub(crate) fn install() -> anyhow::Result<()> {
    install_packages()?;
    TEST_TOOLS.install()?;
    API_TESTER.install()?;
    AXE.install()?;
    AZURITE.install()
}

fn install_packages() -> anyhow::Result<()> {
    let needed = missing();
    if needed.is_empty() {
        return Ok(());
    }
    eprintln!("This is needed and missing: {}.", list(&needed));
    if !Path::new("/usr/bin/apt-get").exists() {
        bail!(
            "this is no Debian or Ubuntu machine: install {} with its own package manager, then try again",
            list(&needed)
        );
    }
    let packages: Vec<&str> = needed.iter().map(|need| need.package).collect();
    let root = is_root();
    if !root && !consent(&packages)? {
        bail!(
            "nothing was installed; `sudo apt-get install {}` does it by hand",
            packages.join(" ")
        );
    }
    apt_get(root, &["update", "--quiet"])?;
    apt_get(
        root,
        &[
            &["install", "--yes", "--quiet", "--no-install-recommends"],
            &*packages,
        ]
        .concat(),
    )?;
    check()
}

/// Puts axe into `target`: no distribution has it as a package.
impl Module {
    fn install(&self) -> anyhow::Result<()> {
        let folder = command::root().join("target").join(self.folder);
        if folder.join("node_modules").join(self.probe).is_file() {
            return Ok(());
        }
        let mut npm = Command::new("npm");
        npm.args(["install", "--ignore-scripts", "--no-audit", "--no-fund"])
            .args(["--no-save", "--loglevel=error", "--prefix"])
            .arg(folder)
            .arg(self.package);
        command::run(&mut npm)
    }
}

fn missing() -> Vec<&'static Need> {
    NEEDS.iter().filter(|need| !(need.is_met)()).collect()
}

fn list(needs: &[&Need]) -> String {
    let items: Vec<String> = needs
        .iter()
        .map(|need| format!("{} ({}; package {})", need.name, need.why, need.package))
        .collect();
    items.join(", ")
}

fn is_root() -> bool {
    command::output(Command::new("id").arg("-u")).is_ok_and(|id| id.trim() == "0")
}

fn consent(packages: &[&str]) -> anyhow::Result<bool> {
    if !io::stdin().is_terminal() {
        return Ok(false);
    }
    eprint!(
        "Install them with `sudo apt-get install {}`? [y/N] ",
        packages.join(" ")
    );
    io::stderr().flush()?;
    let mut answer = String::new();
    io::stdin().read_line(&mut answer)?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}

fn apt_get(root: bool, arguments: &[&str]) -> anyhow::Result<()> {
    let mut command = if root {
        Command::new("apt-get")
    } else {
        let mut command = Command::new("sudo");
        command.arg("apt-get");
        command
    };
    command::run(
        command
            .args(arguments)
            .env("DEBIAN_FRONTEND", "noninteractive"),
    )
}
