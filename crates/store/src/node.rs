//! The services that share the state.

use model::Timestamp;

use crate::{Db, StoreError, column};

/// A service that shares the state with others.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Node {
    /// Its name: one service, one name.
    pub name: String,
    /// The version of the program.
    pub version: String,
    /// What it does: `scheduler`, `worker`, `web` …
    pub roles: Vec<String>,
    /// What its workers can do that others cannot.
    pub labels: Vec<String>,
    /// Since when it is there.
    pub started_at: Timestamp,
    /// When it last said so.
    pub seen_at: Timestamp,
}

#[derive(sqlx::FromRow)]
struct NodeRow {
    name: String,
    version: String,
    roles: String,
    labels: String,
    started_at: i64,
    seen_at: i64,
}

impl TryFrom<NodeRow> for Node {
    type Error = StoreError;

    fn try_from(row: NodeRow) -> Result<Self, StoreError> {
        Ok(Self {
            roles: column::json("node.roles", &row.roles)?,
            labels: column::json("node.labels", &row.labels)?,
            name: row.name,
            version: row.version,
            started_at: Timestamp::from_micros(row.started_at),
            seen_at: Timestamp::from_micros(row.seen_at),
        })
    }
}

impl Db {
    /// Notes that `node` is alive.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn node_seen(&self, node: &Node) -> Result<(), StoreError> {
        let listed = |words: &[String]| serde_json::Value::from(words).to_string();
        sqlx::query(
            "insert into node (name, version, roles, labels, started_at, seen_at)
             values ($1, $2, $3, $4, $5, $6)
             on conflict (name) do update
             set version = excluded.version, roles = excluded.roles, labels = excluded.labels,
                 started_at = excluded.started_at, seen_at = excluded.seen_at",
        )
        .bind(&node.name)
        .bind(&node.version)
        .bind(listed(&node.roles))
        .bind(listed(&node.labels))
        .bind(node.started_at.as_micros())
        .bind(node.seen_at.as_micros())
        .execute(self.writer())
        .await
        .map_err(StoreError::statement("note that a node is alive"))?;
        Ok(())
    }

    /// Notes that the node `name` has ended well: what it left is anybody's at once.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn node_gone(&self, name: &str) -> Result<(), StoreError> {
        sqlx::query("delete from node where name = $1")
            .bind(name)
            .execute(self.writer())
            .await
            .map_err(StoreError::statement("note that a node is gone"))?;
        Ok(())
    }

    /// Every node that was not seen to end, by name.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn node_list(&self) -> Result<Vec<Node>, StoreError> {
        let rows: Vec<NodeRow> = sqlx::query_as(
            "select name, version, roles, labels, started_at, seen_at
             from node
             order by name",
        )
        .fetch_all(self.reader())
        .await
        .map_err(StoreError::statement("list nodes"))?;
        rows.into_iter().map(Node::try_from).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_node_is_there_until_it_goes() {
        let (_folder, db) = crate::testing::database().await;
        let mut node = Node {
            name: "one".to_owned(),
            version: "1.0.0".to_owned(),
            roles: vec!["worker".to_owned()],
            labels: vec!["large".to_owned()],
            started_at: Timestamp::from_secs(1),
            seen_at: Timestamp::from_secs(2),
        };
        db.node_seen(&node).await.unwrap();
        node.seen_at = Timestamp::from_secs(3);
        db.node_seen(&node).await.unwrap();
        assert_eq!(db.node_list().await.unwrap(), [node]);
        db.node_gone("one").await.unwrap();
        assert_eq!(db.node_list().await.unwrap(), []);
    }
}
