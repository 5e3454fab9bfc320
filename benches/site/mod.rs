//! A house with many tenants, whose pods are served by itself and by NGINX.

use std::{
    fmt::Write as _,
    net::{TcpListener, TcpStream},
    path::Path,
    process::{Child, Command, Stdio},
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, ensure};
use model::SystemClock;
use store::Db;
use tempfile::TempDir;
use tenancy::{NewTenant, Tenants, Vault};
use testkit::nginx::Nginx;

/// What the servers are called.
pub(crate) const NAME: &str = "pods.example.com";

const CATALOG_LEN: usize = 20_000;
const PACKAGE_LEN: usize = 50_000_000;

/// How long a server may take to answer first.
const PATIENCE: Duration = Duration::from_mins(2);

/// It ends when it is dropped.
pub(crate) struct Standing {
    folder: TempDir,
    service: Child,
    nginx: Option<Nginx>,
    ports: [u16; 2],
    pub(crate) slug: String,
    pub(crate) basic: String,
}

impl Standing {
    /// Makes everything and waits until both servers answer.
    pub(crate) async fn stand(tenants: usize) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let ports = [free_port()?, free_port()?];
        let root = folder.path();
        let include = format!("{}/nginx/pods.con[f]", root.display());
        let nginx = Nginx::start(&root.join("server"), &include)?;
        furnish(root, ports, nginx.as_ref())?;
        let (slug, basic) = make_tenants(root, tenants).await?;
        let log = fs_err::File::create(root.join("log"))?.into_parts().0;
        let service = Command::new(env!("CARGO_BIN_EXE_auto-update"))
            .args(["serve", "--listen", "127.0.0.1:0"])
            .current_dir(root)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()?;
        let standing = Self {
            folder,
            service,
            nginx,
            ports,
            slug,
            basic,
        };
        for server in 0..standing.servers() {
            standing.wait(standing.port(server)?)?;
        }
        Ok(standing)
    }

    /// How many servers there are: without NGINX one.
    pub(crate) fn servers(&self) -> usize {
        if self.nginx.is_some() { 2 } else { 1 }
    }

    pub(crate) fn port(&self, server: usize) -> anyhow::Result<u16> {
        let port = self.ports.get(server).copied();
        port.context("there is no such server")
    }

    /// How much memory the service has.
    pub(crate) fn memory_mib(&self) -> anyhow::Result<f64> {
        let status = fs_err::read_to_string(format!("/proc/{}/status", self.service.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let number = line.and_then(|line| line.split_whitespace().next());
        let kib: f64 = number.context("the kernel does not tell")?.parse()?;
        Ok(kib / 1024.0)
    }

    /// The most memory that it has while something is done.
    pub(crate) fn memory_while<T>(
        &self,
        work: impl Send + FnOnce() -> anyhow::Result<T>,
    ) -> anyhow::Result<f64>
    where
        T: Send,
    {
        thread::scope(|scope| {
            let working = scope.spawn(work);
            let mut most = 0.0_f64;
            while !working.is_finished() {
                most = most.max(self.memory_mib()?);
                thread::sleep(Duration::from_millis(20));
            }
            let done = working.join();
            done.ok().context("it was lost")??;
            Ok(most)
        })
    }

    fn wait(&self, port: u16) -> anyhow::Result<()> {
        let latest = Instant::now() + PATIENCE;
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            let log = self.folder.path().join("log");
            ensure!(
                Instant::now() < latest,
                "nobody answers: {}",
                fs_err::read_to_string(log)?
            );
            thread::sleep(Duration::from_millis(50));
        }
        Ok(())
    }
}

impl Drop for Standing {
    fn drop(&mut self) {
        self.service.kill().unwrap_or_default();
        self.service.wait().map(drop).unwrap_or_default();
    }
}

fn furnish(root: &Path, ports: [u16; 2], nginx: Option<&Nginx>) -> anyhow::Result<()> {
    let issued = testkit::tls::self_signed(NAME, "bench")?;
    fs_err::write(root.join("cert.pem"), issued.certificate)?;
    fs_err::write(root.join("key.pem"), issued.key)?;
    let mut config = format!(
        "[serve]\nworkers = 1\n[pods]\nlisten = '127.0.0.1:{}'\nurl = 'https://{NAME}'\n\
         certificate = 'cert.pem'\nkey = 'key.pem'\n",
        ports[0]
    );
    if let Some(nginx) = nginx {
        write!(
            config,
            "[pods.nginx]\nfolder = 'nginx'\nlisten = '127.0.0.1:{}'\ntest = {:?}\nreload = {:?}\n",
            ports[1],
            nginx.test(),
            nginx.reload()
        )?;
    }
    fs_err::write(root.join("auto-update.toml"), config)?;
    for folder in ["catalogs", "pkgs"] {
        fs_err::create_dir_all(root.join("var/repo").join(folder))?;
    }
    let mut catalog = String::from("<plist><array>");
    while catalog.len() < CATALOG_LEN {
        catalog.push_str(
            "<dict><key>name</key><string>Large</string><key>version</key><string>1.0</string>\
             <key>installer_item_location</key><string>Large.pkg</string></dict>\n",
        );
    }
    catalog.push_str("</array></plist>");
    fs_err::write(root.join("var/repo/catalogs/production"), catalog)?;
    let package: Vec<u8> = std::iter::repeat_with(|| fastrand::u8(..))
        .take(PACKAGE_LEN)
        .collect();
    fs_err::write(root.join("var/repo/pkgs/Large.pkg"), package)?;
    Ok(())
}

/// Makes tenants that may have everything; answers the slug of the first, and what stands behind `Basic`.
async fn make_tenants(root: &Path, tenants: usize) -> anyhow::Result<(String, String)> {
    let db = Db::open(&root.join("var/auto-update.db")).await?;
    let vault = Vault::in_folder(&root.join("var/keys/tenants"));
    let all = Tenants::new(db.clone(), vault, Arc::new(SystemClock), Vec::new());
    let mut first = None;
    for number in 0..tenants.max(1) {
        let new = NewTenant {
            customer: format!("Customer {number}"),
            ring: "production".to_owned(),
            entitled: None,
            by: "bench".to_owned(),
        };
        let made = all.create(new).await?;
        first.get_or_insert((made.tenant.slug, made.credential.basic().expose().clone()));
    }
    db.close().await;
    first.context("there is no tenant")
}

fn free_port() -> anyhow::Result<u16> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    Ok(listener.local_addr()?.port())
}
