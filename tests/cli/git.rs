//! Repositories to add, and commits to make in them.

use std::{
    io::{self, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    path::Path,
    process::{Command, Stdio},
    sync::{Arc, Mutex},
    thread,
};

use git2::{IndexAddOption, Oid, Repository, RepositoryInitOptions, Signature, Time};
use rustls::{
    ServerConfig, ServerConnection, StreamOwned,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
};
use testkit::tls::Issued;

/// Makes a repository, with what lies in `folder` as its first commit.
pub(crate) fn init(folder: &Path) {
    let mut options = RepositoryInitOptions::new();
    options.initial_head("main");
    Repository::init_opts(folder, &options).unwrap();
    commit(folder, "First", "Ann", 1_717_200_000);
}

/// Commits everything in `folder`.
pub(crate) fn commit(folder: &Path, message: &str, name: &str, seconds: i64) -> Oid {
    let repository = Repository::open(folder).unwrap();
    let mut index = repository.index().unwrap();
    index.add_all(["*"], IndexAddOption::DEFAULT, None).unwrap();
    index.update_all(["*"], None).unwrap();
    index.write().unwrap();
    let tree = index.write_tree().unwrap();
    let tree = repository.find_tree(tree).unwrap();
    let email = format!("{}@example.com", name.to_lowercase());
    let who = Signature::new(name, &email, &Time::new(seconds, 0)).unwrap();
    let head = repository.head().ok();
    let parent = head.map(|head| head.peel_to_commit().unwrap());
    let parents: Vec<_> = parent.iter().collect();
    repository
        .commit(Some("HEAD"), &who, &who, message, &tree, &parents)
        .unwrap()
}

/// The only host that [`Proxy`] leads to, which nobody else knows.
pub(crate) const HOST: &str = "recipes.invalid";

/// A proxy on loopback that lets `user:password` through to [`HOST`], where one repository lies at whatever path it is asked
/// for.
pub(crate) struct Proxy {
    address: SocketAddr,
    certificate: String,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Proxy {
    /// Starts it, in front of the repository in `folder`.
    pub(crate) fn start(folder: &Path) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let issued = testkit::tls::self_signed(HOST, "of a test").unwrap();
        let config = Arc::new(config(&issued));
        let asked = Arc::new(Mutex::new(Vec::new()));
        let (folder, list) = (folder.to_owned(), Arc::clone(&asked));
        thread::spawn(move || {
            for stream in listener.incoming() {
                // A client that goes away in between has an answer already.
                let_through(stream.unwrap(), &config, &folder, &list).unwrap_or_default();
            }
        });
        Self {
            address,
            certificate: issued.certificate,
            asked,
        }
    }

    /// Its address, for `login`.
    pub(crate) fn url(&self, login: &str) -> String {
        format!("http://{login}@{}", self.address)
    }

    /// The certificate of [`HOST`], in PEM.
    pub(crate) fn certificate(&self) -> &str {
        &self.certificate
    }

    /// Methods and targets of those who were let through, by the proxy and by the host.
    pub(crate) fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

fn config(issued: &Issued) -> ServerConfig {
    let certificate = CertificateDer::from_pem_slice(issued.certificate.as_bytes()).unwrap();
    let key = PrivateKeyDer::from_pem_slice(issued.key.as_bytes()).unwrap();
    ServerConfig::builder_with_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap()
}

fn let_through(
    mut stream: TcpStream,
    config: &Arc<ServerConfig>,
    folder: &Path,
    asked: &Mutex<Vec<String>>,
) -> io::Result<()> {
    let (mut head, _) = read(&mut stream)?;
    // `user:password` in base64.
    while !head.contains("\nProxy-Authorization: Basic dXNlcjpwYXNzd29yZA==") {
        stream.write_all(
            b"HTTP/1.1 407 Who\r\nProxy-Authenticate: Basic realm=\"p\"\r\nContent-Length: 0\r\n\r\n",
        )?;
        (head, _) = read(&mut stream)?;
    }
    let request = request(&head);
    asked.lock().unwrap().push(request.to_owned());
    if request != format!("CONNECT {HOST}:443") {
        return stream.write_all(b"HTTP/1.1 502 Nobody there\r\nContent-Length: 0\r\n\r\n");
    }
    stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n")?;
    let connection = ServerConnection::new(Arc::clone(config)).map_err(io::Error::other)?;
    let mut stream = StreamOwned::new(connection, stream);
    serve(&mut stream, folder, asked)?;
    stream.conn.send_close_notify();
    stream.flush()
}

/// Answers one request by git's own `upload-pack`.
fn serve(
    stream: &mut (impl Read + Write),
    folder: &Path,
    asked: &Mutex<Vec<String>>,
) -> io::Result<()> {
    let (head, body) = read(stream)?;
    let request = request(&head);
    asked.lock().unwrap().push(request.to_owned());
    let (kind, before, flag) = if request.starts_with("POST ") {
        ("result", "", None)
    } else {
        let before = "001e# service=git-upload-pack\n0000";
        ("advertisement", before, Some("--advertise-refs"))
    };
    let mut git = Command::new("git")
        .args(["upload-pack", "--stateless-rpc"])
        .args(flag)
        .arg(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    git.stdin.take().unwrap().write_all(&body)?;
    let said = git.wait_with_output()?.stdout;
    let length = before.len() + said.len();
    write!(
        stream,
        "HTTP/1.1 200 OK\r\nContent-Type: application/x-git-upload-pack-{kind}\r\nContent-Length: {length}\r\n\
         Connection: close\r\n\r\n{before}"
    )?;
    stream.write_all(&said)
}

/// Head and body of a request.
fn read(stream: &mut impl Read) -> io::Result<(String, Vec<u8>)> {
    let (mut head, mut byte) = (Vec::new(), [0]);
    // By bytes, since what follows a head that asks for a way through is for somebody else.
    while !head.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte)?;
        head.extend(byte);
    }
    let head = String::from_utf8(head).map_err(io::Error::other)?;
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("Content-Length: "));
    let mut body = vec![0; length.map_or(0, |length| length.parse().unwrap())];
    stream.read_exact(&mut body)?;
    Ok((head, body))
}

/// Method and target.
fn request(head: &str) -> &str {
    let line = head.lines().next().unwrap();
    line.trim_end_matches(" HTTP/1.1")
}
