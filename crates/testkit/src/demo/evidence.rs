//! What an auditor does in the end: holds everything that was published against its evidence, with the public key alone.

use anyhow::ensure;

use super::Story;
use crate::house::RepositoryView;

impl Story {
    /// Every package is what was signed for, and the log tells of as many publications as there were.
    pub(super) async fn verify_evidence(&mut self, view: &RepositoryView) -> anyhow::Result<()> {
        self.talk
            .act("An auditor verifies it with the public key alone")?;
        let key = self.house.root().join("public.pem");
        let public = self.verb(&["evidence", "key", "--public"], 0).await?;
        fs_err::write(&key, public.stdout)?;
        let key = key.display().to_string();
        let repository = self.house.repository();
        for package in view.of_kind("pkgs") {
            let item = repository.join(package).display().to_string();
            let verify = ["evidence", "verify", &item, "--strict", "--key", &key];
            self.verb(&verify, 0).await?;
        }
        let repository = repository.display().to_string();
        self.verb(&["evidence", "verify-log", &repository, "--key", &key], 0)
            .await?;
        let program = self.house.program();
        let log = program
            .run(&["evidence", "log", "--json"])
            .await?
            .expect(0)?;
        let (told, published) = (log.stdout.lines().count(), view.published().len());
        ensure!(
            told == published,
            "the log tells of {told} publications, and there were {published}"
        );
        Ok(())
    }
}
