//! Turns places as they are written into paths from the root.

use std::path::{Path, PathBuf};

use recipe::{absolute, expand_user};

use super::Config;

/// What places are relative to.
pub(super) struct Places {
    /// The folder of the configuration file, or the current folder if there is none.
    pub(super) base: PathBuf,
    /// What `~` stands for.
    pub(super) home: Option<PathBuf>,
}

impl Places {
    /// Turns every place of `config` into a path from the root.
    pub(super) fn settle(&self, config: &mut Config) {
        let autopkg = &mut config.autopkg;
        let signatures = &mut config.signatures;
        let (nginx_folder, nginx_log) = match &mut config.pods.nginx {
            Some(nginx) => (Some(&mut nginx.folder), nginx.log.as_mut()),
            None => (None, None),
        };
        let oidc = config.administration.oidc.as_mut();
        let oidc_secret = oidc.and_then(|oidc| oidc.client_secret_file.as_mut());
        let paths = [
            Some(&mut config.state_dir),
            Some(&mut config.serve.schedules),
            config.repository.path.as_mut(),
            config.repository.secret_key_file.as_mut(),
            config.database.url_file.as_mut(),
            signatures.revoked.as_mut(),
            config.evidence.key.as_mut(),
            config.tuf.keys.as_mut(),
            config.envquery.certificate.as_mut(),
            config.envquery.key.as_mut(),
            config.pods.certificate.as_mut(),
            config.pods.key.as_mut(),
            config.administration.certificate.as_mut(),
            config.administration.key.as_mut(),
            config.catalogue.certificate.as_mut(),
            config.catalogue.key.as_mut(),
            nginx_folder,
            nginx_log,
            oidc_secret,
            autopkg.prefs.as_mut(),
            config.scan.api_key_file.as_mut(),
            config.scan.clamd.socket.as_mut(),
        ];
        let secrets = config.desk.secret_files_mut();
        let endpoints = config.webhooks.endpoint.iter_mut();
        let endpoints = endpoints.flat_map(|endpoint| &mut endpoint.secret_files);
        let keys = signatures
            .proofs
            .iter_mut()
            .filter_map(|proof| proof.key_file.as_mut());
        let rules = config.scan.yara.rules.iter_mut();
        let modules = config.sandbox.python_path.iter_mut();
        let paths = paths.into_iter().flatten();
        for path in paths
            .chain(secrets)
            .chain(endpoints)
            .chain(keys)
            .chain(rules)
            .chain(modules)
        {
            *path = self.of(&path.to_string_lossy());
        }
        let texts = autopkg
            .recipe_search_dirs
            .iter_mut()
            .chain(&mut autopkg.recipe_override_dirs)
            .chain(&mut autopkg.recipe_repo_dir);
        for text in texts {
            *text = self.of(text).to_string_lossy().into_owned();
        }
    }

    fn of(&self, written: &str) -> PathBuf {
        let path = expand_user(written, self.home.as_deref());
        absolute(&Path::new(&self.base).join(path))
    }
}
