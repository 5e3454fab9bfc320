//! Starts the host of community processors in its sandbox, and speaks with it.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use model::FailureClass;
use proplist::{Dict, Value};
use sandbox::{Bubblewrap, Confined, Excuse, Limits, Network, Room, SandboxError};
use serde_json::{Value as Json, json};
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    process::{ChildStdin, ChildStdout},
};

use super::{
    Community, Sources,
    calls::Calls,
    class_of, scratch,
    sources::CheckedOut,
    stopped::{Stopped, broken, gone, no_sandbox, no_scratch, nonsense, unended, unwritten},
    talk::{Manifest, Message},
    tools, value, within,
};
use crate::{StepContext, StepError};

/// Where the host's own files are in the sandbox.
const LIBRARY: &str = "/run/auto-update/python";

/// The certificates of authorities, which Python reads before it knows whether there is a network.
const CERTIFICATES: &str = "/etc/ssl/certs";

/// Where the folders with macOS's tools are among the host's own files.
const TOOLS: &str = "tools";

/// A file of the host's, and what is in it.
macro_rules! host_file {
    ($name:literal) => {
        (
            $name,
            include_str!(concat!("../../../../workers/python/", $name)),
        )
    };
}

/// The host's own files.
const FILES: [(&str, &str); 17] = [
    host_file!("host.py"),
    host_file!("auto_update_library.py"),
    host_file!("autopkglib/__init__.py"),
    host_file!("autopkglib/Copier.py"),
    host_file!("autopkglib/DmgMounter.py"),
    host_file!("autopkglib/URLDownloader.py"),
    host_file!("autopkglib/URLGetter.py"),
    host_file!("autopkglib/URLTextSearcher.py"),
    host_file!("fallback/Foundation.py"),
    host_file!("fallback/certifi.py"),
    host_file!("fallback/distutils/__init__.py"),
    host_file!("fallback/distutils/version.py"),
    host_file!("fallback/looseversion.py"),
    host_file!("fallback/packaging/__init__.py"),
    host_file!("fallback/packaging/version.py"),
    host_file!("fallback/pkg_resources.py"),
    host_file!("xattr.py"),
];

/// The longest message that is read.
const LONGEST_BYTES: u64 = 64 << 20;

/// The most values in one message: each of them takes much more room here than in the message.
const MOST_VALUES: usize = 1 << 20;

/// How long a process may take to end when its step is done.
const TO_END: Duration = Duration::from_secs(10);

/// The largest file that a processor may write.
const LARGEST_FILE_BYTES: u64 = 32 << 30;

/// How community processors are run.
#[derive(Clone, Debug)]
pub struct PythonSettings {
    /// The interpreter; it must lie in `/usr`.
    pub python: PathBuf,
    /// What each step may use.
    pub limits: Limits,
    /// Folders with further Python modules, which processors may import.
    pub python_path: Vec<PathBuf>,
    /// The processors that may use the network by themselves, as steps name them; `IDENTIFIER/*` is every one of a recipe.
    pub networked: BTreeSet<String>,
    /// The program that does the work of macOS's tools when it is started under their names.
    pub tools: Option<PathBuf>,
}

impl Default for PythonSettings {
    fn default() -> Self {
        Self {
            python: "/usr/bin/python3".into(),
            limits: Limits::default(),
            python_path: Vec::new(),
            networked: BTreeSet::new(),
            tools: None,
        }
    }
}

/// Runs community processors, each step in a sandbox of its own.
#[derive(Debug, Default)]
pub struct PythonHost {
    settings: PythonSettings,
    /// The host's own files, written when they are first needed.
    library: Mutex<Option<Arc<TempDir>>>,
}

impl PythonHost {
    /// A host that runs processors as `settings` say.
    pub fn new(settings: PythonSettings) -> Self {
        Self {
            settings,
            library: Mutex::default(),
        }
    }

    /// Loads the class that steps call `name`, from its approved bytes.
    ///
    /// # Errors
    /// A [`FailureClass::Trust`] if a file has other bytes, a [`FailureClass::Configuration`] if the class cannot be
    /// loaded or there is no sandbox.
    pub async fn load(
        self: &Arc<Self>,
        name: &str,
        sources: Sources,
    ) -> Result<Community, StepError> {
        let checked_out = check_out(&sources).await?;
        let room = Room {
            read: checked_out.places.clone(),
            current_dir: "/tmp".into(),
            network: self.network_of(name),
            limits: self.settings.limits,
            ..Room::default()
        };
        let mut host = self.start(room)?;
        let loading = async {
            let manifest = host.talk.load(self, name, &sources).await?;
            Ok::<_, Stopped>(manifest)
        };
        let outcome = tokio::select! {
            outcome = loading => outcome,
            breach = host.confined.breach() => Err(Stopped::Breach(breach)),
        };
        let manifest = match outcome {
            Ok(manifest) => manifest,
            Err(stopped) => return Err(host.failure(name, stopped, None).await),
        };
        Ok(Community {
            name: name.to_owned(),
            manifest,
            sources: Arc::new(sources),
            host: Arc::clone(self),
        })
    }

    /// Carries a step out with the variables `env`, out of those of the `house`; answers the variables as it left them.
    ///
    /// # Errors
    /// What the step failed with, or why it was stopped.
    pub(super) async fn run(
        &self,
        community: &Community,
        context: &StepContext,
        env: &Dict,
        house: &Dict,
    ) -> Result<Dict, StepError> {
        let checked_out = check_out(&community.sources).await?;
        let mut calls = Calls::new(context, house)?;
        let mut room = Room {
            read: checked_out.places.clone(),
            write: vec![context.workspace.clone()],
            current_dir: context.workspace.clone(),
            network: self.network_of(&community.name),
            limits: self.settings.limits,
            ..Room::default()
        };
        if let Some(program) = &self.settings.tools {
            let library = self.library().map_err(unwritten)?;
            tools::furnish(
                &mut room,
                &library.path().join(TOOLS),
                program,
                &context.workspace,
            );
        }
        let resources = community.sources.resources.iter();
        let there = resources.filter(|path| path.exists());
        room.read
            .extend(there.map(|path| (path.clone(), path.clone())));
        room.read
            .push((calls.folder().to_owned(), calls.folder().to_owned()));
        room.scratch = Some(self.scratch(&room, &context.workspace)?);
        let mut host = self.start(room)?;
        let excuse = host.confined.excuse();
        let talking = async {
            let talk = &mut host.talk;
            talk.load(self, &community.name, &community.sources).await?;
            let env = value::encode(&Value::Dict(env.clone()));
            let program = self.settings.tools.is_some().then_some(tools::PROGRAM);
            let network = self.network_of(&community.name) == Network::Host;
            talk.tell(&json!({"run": {"env": env, "program": program, "network": network}}))
                .await?;
            talk.listen(context, &mut calls, &excuse).await
        };
        let outcome = tokio::select! {
            outcome = talking => outcome,
            breach = host.confined.breach() => Err(Stopped::Breach(breach)),
        };
        match outcome {
            Ok(env) => host.ended(&community.name).await.map(|()| env),
            Err(stopped) => Err(host.failure(&community.name, stopped, calls.class()).await),
        }
    }

    fn scratch(&self, room: &Room, workspace: &Path) -> Result<PathBuf, StepError> {
        let read = room.read.iter().map(|(_, seen_at)| seen_at);
        let seen_at = read.chain(&self.settings.python_path).map(PathBuf::as_path);
        scratch::make(workspace, seen_at.chain([workspace]))
            .map_err(|error| no_scratch(workspace, error))
    }

    fn network_of(&self, name: &str) -> Network {
        let networked = &self.settings.networked;
        let of_repository = name
            .split_once('/')
            .map(|(identifier, _class)| format!("{identifier}/*"));
        if networked.contains(name) || of_repository.is_some_and(|all| networked.contains(&all)) {
            Network::Host
        } else {
            Network::None
        }
    }

    fn start(&self, mut room: Room) -> Result<Host, StepError> {
        let library = self.library().map_err(unwritten)?;
        room.read.push((library.path().to_owned(), LIBRARY.into()));
        let certificates = Path::new(CERTIFICATES);
        let modules = self.settings.python_path.iter().map(PathBuf::as_path);
        for place in modules.chain(certificates.is_dir().then_some(certificates)) {
            room.read.push((place.to_owned(), place.to_owned()));
        }
        let bubblewrap = Bubblewrap::find().map_err(no_sandbox)?;
        let script = format!("{LIBRARY}/host.py");
        let arguments = ["-I", "-B", &script];
        let mut confined = bubblewrap
            .start(&room, &self.settings.python, &arguments)
            .map_err(no_sandbox)?;
        let pipes = (confined.take_stdin(), confined.take_stdout());
        let (Some(stdin), Some(stdout)) = pipes else {
            let source = std::io::Error::other("a pipe is missing");
            return Err(no_sandbox(SandboxError::Start {
                program: script,
                source,
            }));
        };
        Ok(Host {
            confined,
            talk: Talk { stdin, stdout },
            _library: library,
        })
    }

    fn library(&self) -> std::io::Result<Arc<TempDir>> {
        let mut library = self.library.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(library) = &*library {
            return Ok(Arc::clone(library));
        }
        let folder = tempfile::tempdir()?;
        for (name, text) in FILES {
            let path = folder.path().join(name);
            if let Some(parent) = path.parent() {
                fs_err::create_dir_all(parent)?;
            }
            fs_err::write(path, text)?;
        }
        let core = within::manifests().to_string();
        fs_err::write(folder.path().join("core.json"), core)?;
        if self.settings.tools.is_some() {
            tools::make(&folder.path().join(TOOLS))?;
        }
        Ok(Arc::clone(library.insert(Arc::new(folder))))
    }
}

async fn check_out(sources: &Sources) -> Result<CheckedOut, StepError> {
    let sources = sources.clone();
    let checked_out = tokio::task::spawn_blocking(move || sources.check_out()).await;
    checked_out.map_err(|error| {
        StepError::new(FailureClass::Internal, "copying ended unexpectedly").caused_by(error)
    })?
}

/// A host that runs.
struct Host {
    confined: Confined,
    talk: Talk,
    _library: Arc<TempDir>,
}

impl Host {
    /// Waits until the process is gone, which said that it is done, and everything that it started: nothing of it may be
    /// there when others look at what it left.
    async fn ended(self, name: &str) -> Result<(), StepError> {
        let ended = self.confined.ended();
        // The host waits for the end of the conversation.
        drop(self.talk);
        match tokio::time::timeout(TO_END, ended).await {
            Ok(Ok(_ended)) => Ok(()),
            _ => Err(unended(name)),
        }
    }

    /// What became of a step that did not come to its end; `class` is that of a call of its that failed.
    async fn failure(
        mut self,
        name: &str,
        stopped: Stopped,
        class: Option<FailureClass>,
    ) -> StepError {
        match stopped {
            Stopped::Gone(why) => {
                drop(self.talk);
                match tokio::time::timeout(TO_END, self.confined.ended()).await {
                    Ok(ended) => gone(name, &why, ended),
                    Err(_elapsed) => unended(name),
                }
            }
            Stopped::Breach(breach) => {
                self.end().await;
                broken(name, breach)
            }
            Stopped::Failed { text, trace } => {
                self.end().await;
                StepError::new(class.unwrap_or(FailureClass::Package), text).caused_by(trace)
            }
            Stopped::Nonsense(what) => {
                self.end().await;
                nonsense(name, &what)
            }
        }
    }

    /// Ends the process and everything it started; what cannot be ended now is when it is dropped.
    async fn end(&mut self) {
        self.confined.end().await.unwrap_or_default();
    }
}

/// The two ends of a conversation.
struct Talk {
    stdin: ChildStdin,
    stdout: BufReader<ChildStdout>,
}

impl Talk {
    async fn load(
        &mut self,
        host: &PythonHost,
        name: &str,
        sources: &Sources,
    ) -> Result<Manifest, Stopped> {
        // Addresses are reserved long before they are used; what counts is watched from outside.
        let address_space = host.settings.limits.memory_bytes.saturating_mul(4);
        self.tell(&json!({"load": {
            "name": class_of(name),
            "file": sources.processor,
            "path": host.settings.python_path,
            "limits": {"memory_bytes": address_space, "file_bytes": LARGEST_FILE_BYTES},
        }}))
        .await?;
        loop {
            match self.hear().await? {
                Message::Loaded(manifest) => return Ok(manifest),
                Message::Failed { text, trace } => {
                    let text = format!(
                        "Unable to import '{name}', likely due to syntax or Python error. {text}"
                    );
                    return Err(Stopped::Failed { text, trace });
                }
                // A module may print when it is loaded.
                Message::Say(_) => {}
                Message::Call(_) | Message::Done { .. } => {
                    return Err(Stopped::Nonsense("it spoke out of turn".to_owned()));
                }
            }
        }
    }

    /// Hands messages on and does what is asked for, until the step is done.
    async fn listen(
        &mut self,
        context: &StepContext,
        calls: &mut Calls<'_>,
        excuse: &Excuse,
    ) -> Result<Dict, Stopped> {
        loop {
            match self.hear().await? {
                Message::Say(text) => context.messages.say(&text),
                Message::Call(asked) => {
                    let excused = excuse.begin();
                    let answer = calls.answer(asked).await;
                    drop(excused);
                    self.tell(&answer).await?;
                }
                Message::Done { env } => {
                    return value::variables(&env).ok_or_else(|| {
                        Stopped::Nonsense("its variables cannot be read".to_owned())
                    });
                }
                Message::Failed { text, trace } => return Err(Stopped::Failed { text, trace }),
                Message::Loaded(_) => {
                    return Err(Stopped::Nonsense("it spoke out of turn".to_owned()));
                }
            }
        }
    }

    async fn tell(&mut self, message: &Json) -> Result<(), Stopped> {
        let mut line = message.to_string();
        line.push('\n');
        self.stdin.write_all(line.as_bytes()).await?;
        Ok(self.stdin.flush().await?)
    }

    async fn hear(&mut self) -> Result<Message, Stopped> {
        let mut line = Vec::new();
        let mut bounded = (&mut self.stdout).take(LONGEST_BYTES);
        bounded.read_until(b'\n', &mut line).await?;
        if line.last() != Some(&b'\n') {
            return Err(if bounded.limit() > 0 {
                Stopped::Gone("it said nothing more".to_owned())
            } else {
                Stopped::Nonsense("it said too much at once".to_owned())
            });
        }
        if values(&line) > MOST_VALUES {
            return Err(Stopped::Nonsense(
                "it said too many values at once".to_owned(),
            ));
        }
        serde_json::from_slice(&line).map_err(|error| {
            Stopped::Nonsense(format!("it said what cannot be understood: {error}"))
        })
    }
}

/// How many values `line` has at the most, which is JSON: as many as there are marks between them.
fn values(line: &[u8]) -> usize {
    let (mut values, mut is_text, mut is_escaped) = (0_usize, false, false);
    for &byte in line {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' => is_escaped = is_text,
            b'"' => is_text = !is_text,
            b',' | b'[' | b'{' if !is_text => values = values.saturating_add(1),
            _ => {}
        }
    }
    values
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_counted_and_texts_are_not_looked_into() {
        for (line, count) in [
            ("{}", 1),
            (r#"{"a": [1, 2, {"b": null}], "c": ""}"#, 6),
            (r#"["[,{", "\"[[", "\\", 1]"#, 4),
            (r#""[[[""#, 0),
        ] {
            assert_eq!(values(line.as_bytes()), count, "{line}");
        }
    }
}
