//! Several writing statements that go to the database in one message, and hold together or not at all.
//!
//! With SQLite each message is two changes of threads, with a server it is a round trip: what is written down of a run
//! is little, and most of what writing it costs is asking for it.

use sqlx::{
    Any, Arguments as _, AssertSqlSafe, Either, Encode, Error, Execute as _, Executor as _, Type,
    any::{AnyArguments, AnyRow},
};

use crate::{
    connections::{Connections, Taken},
    db::Statement,
    sqlite,
};

/// Statements and what is bound to them.
#[derive(Default)]
pub(crate) struct Batch {
    statements: Vec<String>,
    arguments: AnyArguments,
    bound: usize,
}

impl Batch {
    /// One statement.
    pub(crate) fn of(mut statement: Statement) -> Result<Self, Error> {
        let arguments = statement.take_arguments().map_err(Error::Encode)?;
        Ok(Self {
            arguments: arguments.unwrap_or_default(),
            statements: vec![statement.sql().as_str().to_owned()],
            bound: 0,
        })
    }

    /// Binds `value`, and answers its place in the statements, `$1`.
    pub(crate) fn bind<'t, T>(&mut self, value: T) -> Result<String, Error>
    where
        T: Encode<'t, Any> + Type<Any>,
    {
        self.arguments.add(value).map_err(Error::Encode)?;
        self.bound = self.bound.saturating_add(1);
        Ok(format!("${}", self.bound))
    }

    /// Has `statement` come behind those that are there.
    pub(crate) fn push(&mut self, statement: String) {
        self.statements.push(statement);
    }

    /// Has PostgreSQL answer a row for each that its first `count` statements write, which are all there are.
    pub(crate) fn returning(mut self, count: usize) -> Self {
        for statement in &mut self.statements {
            statement.push_str(" returning 1 as one");
        }
        let parts: Vec<String> = (0..count)
            .map(|number| format!("select one from part_{number}"))
            .collect();
        self.push(parts.join(" union all "));
        self
    }

    /// Carries it out; answers the rows that its last statement returns.
    pub(crate) async fn carry_out(
        self,
        connections: &Connections,
        is_server: bool,
    ) -> Result<Vec<AnyRow>, Error> {
        let text = if is_server {
            self.as_one()
        } else {
            format!("{}; {}; commit", sqlite::BEGIN, self.statements.join("; "))
        };
        let mut taken = connections.take().await?;
        let answers = whole(&mut taken, text, self.arguments).await?;
        Ok(answers.into_iter().filter_map(Either::right).collect())
    }

    /// Carries it out on SQLite without waiting for the disk; answers how many rows were changed.
    pub(crate) async fn carry_out_lightly(self, connections: &Connections) -> Result<u64, Error> {
        let count = self.statements.len();
        let before = if count == 1 { 1 } else { 2 };
        let answers = self.lightly(connections).await?;
        // The others say what the last one before them changed.
        let ends = answers.into_iter().filter_map(Either::left);
        let changed = ends.skip(before).take(count).map(|end| end.rows_affected());
        Ok(changed.sum())
    }

    /// As [`Batch::carry_out_lightly`]; answers the rows that its statements return.
    pub(crate) async fn rows_lightly(
        self,
        connections: &Connections,
    ) -> Result<Vec<AnyRow>, Error> {
        let answers = self.lightly(connections).await?;
        Ok(answers.into_iter().filter_map(Either::right).collect())
    }

    async fn lightly(self, connections: &Connections) -> Result<Vec<Answer>, Error> {
        let (light, durable) = (sqlite::LIGHTLY, sqlite::DURABLY);
        let text = match self.statements.as_slice() {
            [statement] => format!("{light}; {statement}; {durable}"),
            several => {
                let (begin, several) = (sqlite::BEGIN, several.join("; "));
                format!("{light}; {begin}; {several}; commit; {durable}")
            }
        };
        let mut taken = connections.take().await?;
        whole(&mut taken, text, self.arguments).await
    }

    /// One statement of PostgreSQL, which takes no others along with what is bound.
    fn as_one(&self) -> String {
        let Some((last, before)) = self.statements.split_last() else {
            return "select 1".to_owned();
        };
        let before = before.iter().enumerate();
        let before: Vec<String> = before
            .map(|(number, it)| format!("part_{number} as ({it})"))
            .collect();
        if before.is_empty() {
            return last.clone();
        }
        format!("with {} {last}", before.join(", "))
    }
}

type Answer = Either<sqlx::any::AnyQueryResult, AnyRow>;

/// Carries `text` out to its end. What stops in the middle leaves a connection that is closed.
async fn whole(
    taken: &mut Taken,
    text: String,
    arguments: AnyArguments,
) -> Result<Vec<Answer>, Error> {
    use futures_util::TryStreamExt as _;

    taken.changes();
    let query = sqlx::query_with(AssertSqlSafe(text), arguments);
    let answers = taken.fetch_many(query).try_collect().await?;
    taken.over();
    Ok(answers)
}
