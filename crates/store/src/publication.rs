//! Publications: which change set of which run went into the repository, and what was released by it.

use std::str::FromStr;

use model::{ChangeSetId, RunId, Sha256, Timestamp, Title, UnknownWord};
use serde_json::Value;

use crate::{Db, IdentityEntry, StoreError, column, db::Tx, identity};

/// What was released of a title.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Release {
    /// The name of the item in the repository.
    pub name: String,
    /// Its version.
    pub version: String,
    /// The digest of the installer item.
    pub sha256: Sha256,
    /// By whom it was signed, where that was checked, as JSON.
    pub identity: Option<String>,
    /// What it brings with it that a Mac gives power to, where that is known, as JSON.
    pub payload: Option<String>,
    /// When.
    pub released_at: Timestamp,
}

/// A change set that is about to be applied.
#[derive(Clone, Debug)]
pub struct NewPublication {
    /// The change set.
    pub change_set: ChangeSetId,
    /// The run that staged it.
    pub run: RunId,
    /// The title.
    pub title: Title,
    /// What it adds, for people.
    pub items: Value,
}

/// A change set of a run, and what became of it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Publication {
    /// The change set.
    pub change_set: ChangeSetId,
    /// The run that staged it.
    pub run: RunId,
    /// The title.
    pub title: Title,
    /// What it adds, for people.
    pub items: Value,
    /// What became of it.
    pub state: PublicationState,
    /// When it began.
    pub started_at: Timestamp,
    /// When it was over.
    pub finished_at: Option<Timestamp>,
}

/// What became of a change set of a run.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum PublicationState {
    /// It is being applied.
    Started,
    /// It was applied.
    Published,
    /// It was taken back.
    RolledBack,
}

impl PublicationState {
    /// Every one.
    pub const ALL: [Self; 3] = [Self::Started, Self::Published, Self::RolledBack];

    /// The name used in tables, logs and JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Started => "started",
            Self::Published => "published",
            Self::RolledBack => "rolled-back",
        }
    }
}

impl FromStr for PublicationState {
    type Err = UnknownWord;

    fn from_str(word: &str) -> Result<Self, UnknownWord> {
        Self::ALL
            .into_iter()
            .find(|state| state.as_str() == word)
            .ok_or_else(|| UnknownWord {
                list: "state of a publication",
                word: word.to_owned(),
            })
    }
}

#[derive(sqlx::FromRow)]
struct PublicationRow {
    change_set_id: String,
    run_id: String,
    title: String,
    items: String,
    state: String,
    started_at: i64,
    finished_at: Option<i64>,
}

impl TryFrom<PublicationRow> for Publication {
    type Error = StoreError;

    fn try_from(row: PublicationRow) -> Result<Self, StoreError> {
        Ok(Self {
            change_set: column::word("publication.change_set_id", &row.change_set_id)?,
            run: column::word("publication.run_id", &row.run_id)?,
            title: column::word("publication.title", &row.title)?,
            items: column::json("publication.items", &row.items)?,
            state: column::word("publication.state", &row.state)?,
            started_at: Timestamp::from_micros(row.started_at),
            finished_at: row.finished_at.map(Timestamp::from_micros),
        })
    }
}

#[derive(sqlx::FromRow)]
struct ReleaseRow {
    name: String,
    version: String,
    sha256: String,
    identity: Option<String>,
    payload: Option<String>,
    released_at: i64,
}

impl TryFrom<ReleaseRow> for Release {
    type Error = StoreError;

    fn try_from(row: ReleaseRow) -> Result<Self, StoreError> {
        Ok(Self {
            name: row.name,
            version: row.version,
            sha256: column::word("release.sha256", &row.sha256)?,
            identity: row.identity,
            payload: row.payload,
            released_at: Timestamp::from_micros(row.released_at),
        })
    }
}

impl Db {
    /// Notes that a change set is about to be applied; doing so twice changes nothing.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn publication_begin(
        &self,
        publication: &NewPublication,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        sqlx::query(
            "insert into publication (change_set_id, run_id, title, items, state, started_at)
             values ($1, $2, $3, $4, 'started', $5)
             on conflict (change_set_id) do nothing",
        )
        .bind(publication.change_set.to_string())
        .bind(publication.run.to_string())
        .bind(publication.title.as_str())
        .bind(publication.items.to_string())
        .bind(now.as_micros())
        .execute(self.writer())
        .await
        .map_err(StoreError::statement("begin a publication"))?;
        Ok(())
    }

    /// Notes that a change set was applied, what was released by it, and whose signatures were accepted with that;
    /// doing so twice changes nothing.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn publication_finish(
        &self,
        publication: &NewPublication,
        releases: &[Release],
        accepted: Option<&IdentityEntry>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let failed = || StoreError::statement("end a publication");
        let mut tx = self.begin("end a publication").await?;
        sqlx::query(
            "update publication
             set state = 'published', finished_at = $1
             where change_set_id = $2 and state = 'started'",
        )
        .bind(now.as_micros())
        .bind(publication.change_set.to_string())
        .execute(&mut *tx)
        .await
        .map_err(failed())?;
        for release in releases {
            release_note_tx(&mut tx, publication, release).await?;
        }
        if let Some(accepted) = accepted {
            identity::identity_add_tx(&mut tx, accepted).await?;
        }
        tx.commit().await.map_err(failed())
    }

    /// Notes that a change set was not applied after all.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn publication_roll_back(
        &self,
        change_set: ChangeSetId,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        sqlx::query(
            "update publication
             set state = 'rolled-back', finished_at = $1
             where change_set_id = $2 and state = 'started'",
        )
        .bind(now.as_micros())
        .bind(change_set.to_string())
        .execute(self.writer())
        .await
        .map_err(StoreError::statement("take a publication back"))?;
        Ok(())
    }

    /// Publications from before `before`, at most `limit`, newest first.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn publication_page(
        &self,
        before: Option<ChangeSetId>,
        limit: u32,
    ) -> Result<Vec<Publication>, StoreError> {
        let rows: Vec<PublicationRow> = sqlx::query_as(
            "select change_set_id, run_id, title, items, state, started_at, finished_at
             from publication
             where change_set_id < $1
             order by change_set_id desc
             limit $2",
        )
        // No id is above this.
        .bind(before.map_or_else(|| "~".to_owned(), |id| id.to_string()))
        .bind(i64::from(limit))
        .fetch_all(self.reader())
        .await
        .map_err(StoreError::statement("list publications"))?;
        rows.into_iter().map(Publication::try_from).collect()
    }

    /// The change sets of a run, the oldest first.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn publication_of_run(&self, run: RunId) -> Result<Vec<Publication>, StoreError> {
        let rows: Vec<PublicationRow> = sqlx::query_as(
            "select change_set_id, run_id, title, items, state, started_at, finished_at
             from publication
             where run_id = $1
             order by change_set_id",
        )
        .bind(run.to_string())
        .fetch_all(self.reader())
        .await
        .map_err(StoreError::statement("list what a run published"))?;
        rows.into_iter().map(Publication::try_from).collect()
    }

    /// What was released of `title`, newest first.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn release_list(&self, title: &Title) -> Result<Vec<Release>, StoreError> {
        let rows: Vec<ReleaseRow> = sqlx::query_as(
            "select name, version, sha256, identity, payload, released_at
             from release
             where title = $1
             order by released_at desc, name, version",
        )
        .bind(title.as_str())
        .fetch_all(self.reader())
        .await
        .map_err(StoreError::statement("list what was released"))?;
        rows.into_iter().map(Release::try_from).collect()
    }

    /// What was released of an item, of whichever title, newest first.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn release_of_item(&self, name: &str) -> Result<Vec<Release>, StoreError> {
        let rows: Vec<ReleaseRow> = sqlx::query_as(
            "select name, version, sha256, identity, payload, released_at
             from release
             where name = $1
             order by released_at desc, version",
        )
        .bind(name)
        .fetch_all(self.reader())
        .await
        .map_err(StoreError::statement("list what was released of an item"))?;
        rows.into_iter().map(Release::try_from).collect()
    }

    /// What was released at `since` or later, with its title, the oldest first.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn release_since(
        &self,
        since: Timestamp,
    ) -> Result<Vec<(Title, Release)>, StoreError> {
        let rows: Vec<TitledRow> = sqlx::query_as(
            "select title, name, version, sha256, identity, payload, released_at
             from release
             where released_at >= $1
             order by released_at, title, name, version",
        )
        .bind(since.as_micros())
        .fetch_all(self.reader())
        .await
        .map_err(StoreError::statement("list what was released lately"))?;
        let titled = |row: TitledRow| {
            let title = column::word("release.title", &row.title)?;
            Ok((title, row.release.try_into()?))
        };
        rows.into_iter().map(titled).collect()
    }
}

#[derive(sqlx::FromRow)]
struct TitledRow {
    title: String,
    #[sqlx(flatten)]
    release: ReleaseRow,
}

async fn release_note_tx(
    tx: &mut Tx,
    publication: &NewPublication,
    release: &Release,
) -> Result<(), StoreError> {
    sqlx::query(
        "insert into release (title, name, version, sha256, identity, payload, run_id, released_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8)
         on conflict (title, name, version, sha256) do nothing",
    )
    .bind(publication.title.as_str())
    .bind(&release.name)
    .bind(&release.version)
    .bind(release.sha256.to_string())
    .bind(&release.identity)
    .bind(&release.payload)
    .bind(publication.run.to_string())
    .bind(release.released_at.as_micros())
    .execute(&mut **tx)
    .await
    .map_err(StoreError::statement("note what was released"))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use model::Trigger;
    use serde_json::json;

    use super::*;
    use crate::{NewRun, Queued};

    #[tokio::test]
    async fn what_was_released_is_noted_once_however_often_it_is_told() {
        let (_folder, db) = crate::testing::database().await;
        let now = Timestamp::from_secs(1);
        let title: Title = "Firefox.munki".parse().unwrap();
        let new = NewRun {
            title: title.clone(),
            trigger: Trigger::Manual,
            request: json!({}),
            terms: crate::Terms::default(),
        };
        let Queued::New(run) = db.run_queue(&new, now).await.unwrap() else {
            panic!("the queue was empty");
        };
        let publication = NewPublication {
            change_set: ChangeSetId::new(),
            run,
            title: title.clone(),
            items: json!(["Firefox 1.0"]),
        };
        let release = Release {
            name: "Firefox".to_owned(),
            version: "1.0".to_owned(),
            sha256: Sha256::of(b"dmg"),
            identity: Some("43AQ936H96".to_owned()),
            payload: Some("{}".to_owned()),
            released_at: now,
        };
        for _ in 0..2 {
            db.publication_begin(&publication, now).await.unwrap();
            db.publication_finish(&publication, std::slice::from_ref(&release), None, now)
                .await
                .unwrap();
        }
        assert_eq!(db.release_list(&title).await.unwrap(), [release]);
        let published = db.publication_of_run(run).await.unwrap();
        assert_eq!(published.len(), 1);
        assert_eq!(published[0].state, PublicationState::Published);
        let line = db.title_find(&title).await.unwrap().unwrap();
        assert_eq!(line.item, Some(("Firefox".to_owned(), "1.0".to_owned())));
        let released = db.title_releases(&title, 9).await.unwrap();
        assert_eq!(released.iter().map(|it| it.run).collect::<Vec<_>>(), [run]);
    }
}
