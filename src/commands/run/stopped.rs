//! What is told of runs that a signal stopped, and of those that it left no time for.

use model::RunState;
use pipeline::Worked;

use super::{Batch, Object, Open};

impl Batch {
    /// A run that a signal stopped. What it began to publish is finished by others and is not cancelled.
    pub(super) async fn stopped(&mut self, open: &Open, worked: &Worked) -> anyhow::Result<()> {
        self.failed = true;
        let state = if self.engine.cancel(open.run).await? {
            RunState::Cancelled
        } else {
            let state = self.state(open.run).await?;
            state.unwrap_or(RunState::Cancelled)
        };
        self.printer.notice(format!("{} was stopped", open.name));
        if self.json {
            self.tell(&Object {
                message: Some("it was stopped"),
                ..Object::of(&open.name, worked, state)
            })?;
        }
        Ok(())
    }

    /// A name whose turn did not come before a signal stopped them all.
    pub(super) fn not_begun(&mut self, name: &str) -> anyhow::Result<()> {
        self.failed = true;
        self.printer.notice(format!("{name} was not begun"));
        if self.json {
            self.tell(&Object {
                message: Some("it was not begun"),
                ..Object::without_run(name, RunState::Cancelled)
            })?;
        }
        Ok(())
    }
}
