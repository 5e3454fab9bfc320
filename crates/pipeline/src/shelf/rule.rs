//! Rules: what people say of items in the rings.

use model::{FailureClass, RuleId};
use publication::{Move, Rule, RuleKind, pinned};
use store::{RingRule, RuleEnd};

use super::{Hand, by_hand::refused, look::as_rule};
use crate::{Engine, Failure, pending::Pending};

impl Engine {
    /// Lays a rule down, and does what follows from it at once.
    ///
    /// # Errors
    /// If it names what is not there, another rule is against it, or the repository or the database fails.
    pub async fn ring_rule(
        &self,
        rule: &Rule,
        hand: &Hand,
    ) -> Result<(RuleId, Vec<Move>), Failure> {
        let look = self.look().await?;
        let rings = self.rings();
        if let Some(ring) = rule
            .ring
            .as_deref()
            .filter(|ring| rings.position(ring).is_none())
        {
            let names: Vec<_> = rings
                .ring
                .iter()
                .map(|ring| ring.catalog.as_str())
                .collect();
            return Err(refused(format!(
                "`{ring}` is no ring; the rings are: {}",
                names.join(", ")
            )));
        }
        let moves = match rule.kind {
            RuleKind::Pin => pinned(&look.shelf, rings, &look.ruled(), rule)
                .map_err(|error| refused(error.to_string()))?,
            RuleKind::Hold | RuleKind::Recall | RuleKind::Urgent => Vec::new(),
        };
        let mut ids = self.lay_down(std::slice::from_ref(rule), hand).await?;
        let moves = if rule.kind == RuleKind::Urgent {
            self.wake(rule).await?;
            let look = self.look().await?;
            let due = look.due(rings, self.parts.clock.now());
            due.into_iter()
                .filter(|moved| rule.is_about_version(&moved.name, &moved.version))
                .collect()
        } else {
            moves
        };
        self.carry_out_moves(&moves, Some(hand)).await?;
        let id = ids.pop().unwrap_or_else(RuleId::new);
        Ok((id, moves))
    }

    /// Writes rules down, before anything is done by them: after a crash they hold.
    pub(super) async fn lay_down(
        &self,
        rules: &[Rule],
        hand: &Hand,
    ) -> Result<Vec<RuleId>, Failure> {
        let now = self.parts.clock.now();
        let rows: Vec<RingRule> = rules
            .iter()
            .map(|rule| RingRule {
                id: RuleId::new(),
                kind: rule.kind.as_str().to_owned(),
                name: rule.name.clone(),
                version: rule.version.clone(),
                ring: rule.ring.clone(),
                reason: hand.reason.clone(),
                made_by: hand.by.clone(),
                made_at: now,
                end: None,
            })
            .collect();
        self.parts.db.ring_rule_add(&rows).await?;
        for row in &rows {
            tracing::info!(
                rule.id = %row.id,
                rule.kind = row.kind,
                item.name = row.name,
                item.version = row.version,
                ring = row.ring,
                rule.by = row.made_by,
                "rule laid down"
            );
        }
        Ok(rows.into_iter().map(|row| row.id).collect())
    }

    /// Ends a rule. What it kept out comes in with the next turn of the rings, if it is due.
    ///
    /// # Errors
    /// If there is no such rule that holds, or the database fails.
    pub async fn ring_rule_end(&self, id: RuleId, hand: &Hand) -> Result<(), Failure> {
        let end = RuleEnd {
            at: self.parts.clock.now(),
            by: hand.by.clone(),
            reason: hand.reason.clone(),
        };
        if !self.parts.db.ring_rule_end(id, &end).await? {
            return Err(Failure::new(
                FailureClass::Configuration,
                format!("There is no rule {id} that holds"),
            )
            .with_advice("Look at those that hold with `auto-update ring rules`."));
        }
        tracing::info!(rule.id = %id, rule.by = end.by, "rule ended");
        Ok(())
    }

    /// The rules that hold; and those that have been ended, if they are asked for. The newest come first.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn ring_rules(&self, with_ended: bool) -> Result<Vec<RingRule>, Failure> {
        Ok(self.parts.db.ring_rule_list(with_ended).await?)
    }

    /// The rules that hold, with who laid them down, as decisions are made by them.
    pub(super) async fn rules_that_hold(&self) -> Result<Vec<(Rule, RingRule)>, Failure> {
        let stored = self.parts.db.ring_rule_list(false).await?;
        let rules = stored
            .into_iter()
            .filter_map(|stored| Some((as_rule(&stored)?, stored)));
        Ok(rules.collect())
    }

    /// Has runs taken up now that wait with an item that `rule` is about.
    async fn wake(&self, rule: &Rule) -> Result<(), Failure> {
        let now = self.parts.clock.now();
        for run in self.parts.db.run_parked().await? {
            let parked = run.parked.clone().unwrap_or_default();
            let waits_with_it = serde_json::from_value::<Pending>(parked).is_ok_and(|pending| {
                let mut items = pending.items.iter();
                items.any(|item| rule.is_about_version(&item.name, &item.version))
            });
            if waits_with_it {
                self.parts.db.run_hurry(run.id, now).await?;
            }
        }
        Ok(())
    }
}
