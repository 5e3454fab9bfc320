//! What there is to mend in how the house is set up, and what is in effect: at the terminal, and on the pages.

mod effect;
mod findings;

use std::{
    path::PathBuf,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use model::Sha256;
use pipeline::Engine;
use web::{Settings, SettingsFinding, SettingsLook};

pub use self::findings::find as check_settings;
use crate::Config;

/// How a service is set up that was started with a configuration.
#[derive(Debug)]
pub(crate) struct Running {
    config: Config,
    /// The digest of the file when the service was started.
    began_with: Option<Sha256>,
    search_dirs: Vec<PathBuf>,
    override_dirs: Vec<PathBuf>,
    /// The last look, and when it was: with thousands of schedules one takes a while.
    last: Mutex<Option<(Instant, SettingsLook)>>,
}

/// How long a look is relied on.
const RELIED_ON: Duration = Duration::from_mins(1);

impl Running {
    pub(crate) fn new(config: &Config, engine: &Engine) -> Self {
        let (search_dirs, override_dirs) = engine.recipe_folders();
        Self {
            began_with: digest(config),
            config: config.clone(),
            search_dirs: search_dirs.to_vec(),
            override_dirs: override_dirs.to_vec(),
            last: Mutex::default(),
        }
    }

    /// Whether the file is what it was when the service was started.
    fn changed(&self) -> Option<SettingsFinding> {
        let file = self.config.file()?;
        let shown = file.display().to_string();
        if digest(&self.config) == self.began_with {
            return None;
        }
        let finding = |severity, message: String, mend: &str| SettingsFinding {
            severity,
            file: Some(shown.clone()),
            key: "",
            message,
            mend: mend.to_owned(),
        };
        Some(match Config::read_again(file) {
            Ok(()) => finding(
                "warning",
                "It was changed since the service was started, which goes on with what it said then.".to_owned(),
                "Start the service anew.",
            ),
            Err(error) => finding(
                "error",
                format!("{error}."),
                "Mend it before the service is started anew: it would not start.",
            ),
        })
    }
}

impl Settings for Running {
    fn look(&self) -> SettingsLook {
        // Whoever comes meanwhile waits for the same look.
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((at, look)) = last.as_ref()
            && at.elapsed() < RELIED_ON
        {
            return look.clone();
        }
        let look = self.look_now();
        *last = Some((Instant::now(), look.clone()));
        look
    }
}

impl Running {
    fn look_now(&self) -> SettingsLook {
        let mut findings: Vec<SettingsFinding> = self.changed().into_iter().collect();
        findings.extend(check_settings(
            &self.config,
            &self.search_dirs,
            &self.override_dirs,
        ));
        findings.sort_by_key(|finding| rank(finding.severity));
        SettingsLook {
            file: self.config.file().map(|file| file.display().to_string()),
            findings,
            sections: effect::sections(&self.config, &self.search_dirs, &self.override_dirs),
        }
    }
}

/// The worst first.
pub(crate) fn rank(severity: &str) -> u8 {
    match severity {
        "error" => 0,
        "warning" => 1,
        _ => 2,
    }
}

fn digest(config: &Config) -> Option<Sha256> {
    let bytes = fs_err::read(config.file()?).ok()?;
    Some(Sha256::of(&bytes))
}
