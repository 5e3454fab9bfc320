//! One question at a time over the daemon's socket.

use std::{
    fmt, io,
    path::{Path, PathBuf},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::{TcpStream, UnixStream},
};

use super::{ClamdConfig, ClamdError};

/// How long a connection, or a question without a file, may take.
const BRIEFLY: Duration = Duration::from_secs(15);

/// How many bytes go in one piece.
const PIECE: usize = 256 << 10;

/// The longest answer that is read.
const LONGEST_ANSWER: u64 = 4_096;

/// Where the daemon listens.
#[derive(Clone, Debug)]
pub(super) enum Place {
    Socket(PathBuf),
    Address(String),
}

impl Place {
    /// Where `config` says; nothing if it says nothing.
    pub(super) fn of(config: &ClamdConfig) -> Result<Option<Self>, ClamdError> {
        match (&config.socket, &config.address) {
            (None, None) => Ok(None),
            (Some(socket), None) => Ok(Some(Self::Socket(socket.clone()))),
            (None, Some(address)) if address.contains(':') => {
                Ok(Some(Self::Address(address.clone())))
            }
            (None, Some(_)) => Err(ClamdError::SetUp {
                why: "`address` must be an address and a port, such as `127.0.0.1:3310`",
            }),
            (Some(_), Some(_)) => Err(ClamdError::SetUp {
                why: "only one of `socket` and `address` can be meant",
            }),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Socket(path) => path.display().fmt(f),
            Self::Address(address) => f.write_str(address),
        }
    }
}

/// Both kinds of connections.
trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

pub(super) struct Talk<'a> {
    pub(super) place: &'a Place,
    /// How long a question with a file may take.
    pub(super) limit: Duration,
}

impl Talk<'_> {
    /// Its answer to `VERSION`.
    pub(super) async fn version(&self) -> Result<String, ClamdError> {
        self.within(BRIEFLY, async {
            let mut stream = self.connect().await?;
            stream
                .write_all(b"zVERSION\0")
                .await
                .map_err(|source| self.down("listen", source))?;
            self.answer(&mut stream).await
        })
        .await
    }

    /// Its answer to the file at `path`.
    pub(super) async fn scan(&self, path: &Path) -> Result<String, ClamdError> {
        let file = fs_err::tokio::File::open(path)
            .await
            .map_err(ClamdError::File)?;
        self.within(self.limit, async {
            let mut stream = self.connect().await?;
            match self.send(&mut stream, file).await {
                Ok(()) => self.answer(&mut stream).await,
                Err(ClamdError::Down { what, source, .. }) => {
                    // It closes the connection at its own limit, and may have said so before.
                    match self.answer(&mut stream).await {
                        Ok(said) if !said.is_empty() => Ok(said),
                        _ => Err(self.down(what, source)),
                    }
                }
                Err(error) => Err(error),
            }
        })
        .await
    }

    /// Sends the file in pieces that each say how long they are; one of no length is the last.
    async fn send(
        &self,
        stream: &mut Box<dyn Stream>,
        mut file: fs_err::tokio::File,
    ) -> Result<(), ClamdError> {
        let refused = |source| self.down("take a file", source);
        stream.write_all(b"zINSTREAM\0").await.map_err(refused)?;
        let mut piece = vec![0_u8; PIECE];
        loop {
            let count = file.read(&mut piece).await.map_err(ClamdError::File)?;
            let sent = piece.get(..count).unwrap_or_default();
            let len = u32::try_from(sent.len()).unwrap_or_default();
            stream
                .write_all(&len.to_be_bytes())
                .await
                .map_err(refused)?;
            if sent.is_empty() {
                return stream.flush().await.map_err(refused);
            }
            stream.write_all(sent).await.map_err(refused)?;
        }
    }

    async fn connect(&self) -> Result<Box<dyn Stream>, ClamdError> {
        let connected = tokio::time::timeout(BRIEFLY, async {
            let stream: Box<dyn Stream> = match self.place {
                Place::Socket(path) => Box::new(UnixStream::connect(path).await?),
                Place::Address(address) => Box::new(TcpStream::connect(address).await?),
            };
            Ok(stream)
        });
        match connected.await {
            Ok(connected) => connected.map_err(|source| self.down("let us connect", source)),
            Err(_elapsed) => Err(self.slow(BRIEFLY)),
        }
    }

    async fn answer(&self, stream: &mut Box<dyn Stream>) -> Result<String, ClamdError> {
        let mut said = Vec::new();
        let read = stream.take(LONGEST_ANSWER).read_to_end(&mut said).await;
        match read {
            // What came before a broken connection is an answer if it is a whole one.
            Ok(_) | Err(_) if said.ends_with(b"\0") => {
                Ok(String::from_utf8_lossy(said.trim_ascii_end()).replace('\0', ""))
            }
            Ok(_) => Err(self.down("answer", io::ErrorKind::UnexpectedEof.into())),
            Err(source) => Err(self.down("answer", source)),
        }
    }

    async fn within<T>(
        &self,
        limit: Duration,
        done: impl Future<Output = Result<T, ClamdError>>,
    ) -> Result<T, ClamdError> {
        match tokio::time::timeout(limit, done).await {
            Ok(done) => done,
            Err(_elapsed) => Err(self.slow(limit)),
        }
    }

    fn slow(&self, limit: Duration) -> ClamdError {
        ClamdError::Slow {
            place: self.place.to_string(),
            limit,
        }
    }

    fn down(&self, what: &'static str, source: io::Error) -> ClamdError {
        ClamdError::Down {
            place: self.place.to_string(),
            what,
            source,
        }
    }
}
