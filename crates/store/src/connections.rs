//! Connections that stay at hand between two statements.
//!
//! A pool asks a connection whether it still answers when it is taken, and again when it comes back. With SQLite, whose
//! connections are threads, each of these questions costs as much as a small statement, and on a server it is a round
//! trip. Here a connection that carried out its last statement is taken as it is; one whose last statement nobody saw
//! the end of is asked before it comes back. The pool only opens connections.

use std::{
    fmt,
    ops::{Deref, DerefMut},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use futures_util::{FutureExt as _, StreamExt as _, TryStreamExt as _, future::BoxFuture, stream};
use sqlx::{
    Any, AnyConnection, AnyPool, Connection as _, Describe, Either, Error, Execute, Executor,
    SqlStr,
    any::{AnyQueryResult, AnyRow, AnyStatement, AnyTypeInfo},
};
use tokio::{
    runtime::Handle,
    sync::{OwnedSemaphorePermit, Semaphore},
};

/// A connection that rested for longer is asked whether it still answers: its server may have been started anew.
const RESTED: Duration = Duration::from_secs(1);

/// A connection that nobody needed for so long is closed when the next one is needed.
const UNUSED: Duration = Duration::from_mins(5);

/// Connections to one database.
///
/// Cheap to clone; clones share them.
#[derive(Clone)]
pub(crate) struct Connections(Arc<Shared>);

struct Shared {
    /// Opens them.
    pool: AnyPool,
    most: u32,
    places: Arc<Semaphore>,
    patience: Duration,
    /// The one that was used last is last.
    free: Mutex<Vec<Free>>,
}

struct Free {
    connection: AnyConnection,
    since: Instant,
}

impl fmt::Debug for Connections {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Connections").field(&self.0.pool).finish()
    }
}

impl Connections {
    /// Those that `pool` opens, as many as that may have; whoever asks for one waits for `patience` at the most.
    pub(crate) fn of(pool: AnyPool, patience: Duration) -> Self {
        let most = pool.options().get_max_connections();
        let places = Semaphore::new(usize::try_from(most).unwrap_or(1));
        Self(Arc::new(Shared {
            pool,
            most,
            places: Arc::new(places),
            patience,
            free: Mutex::default(),
        }))
    }

    /// A connection, for as long as the answer lives.
    ///
    /// # Cancellation
    /// Gives the place in the queue up.
    pub(crate) async fn take(&self) -> Result<Taken, Error> {
        match tokio::time::timeout(self.0.patience, self.taken()).await {
            Ok(taken) => taken,
            Err(_elapsed) => Err(Error::PoolTimedOut),
        }
    }

    async fn taken(&self) -> Result<Taken, Error> {
        let Ok(place) = Arc::clone(&self.0.places).acquire_owned().await else {
            return Err(Error::PoolClosed);
        };
        let mut free = self.free();
        if let Some(it) = &mut free
            && it.since.elapsed() > RESTED
            && it.connection.ping().await.is_err()
        {
            // The others are older: all of them are opened anew.
            free = None;
            self.lock().clear();
        }
        let connection = match free {
            Some(free) => free.connection,
            None => self.0.pool.acquire().await?.detach(),
        };
        Ok(Taken {
            had: Some((connection, place)),
            home: self.clone(),
            state: Use::UnderWay,
        })
    }

    /// Waits for statements under way, and closes the connections.
    pub(crate) async fn close(&self) {
        if let Ok(_all) = self.0.places.acquire_many(self.0.most).await {
            self.0.places.close();
        }
        let free = std::mem::take(&mut *self.lock());
        for free in free {
            // Whatever it says: nobody uses it any more.
            drop(free.connection.close().await);
        }
        self.0.pool.close().await;
    }

    fn free(&self) -> Option<Free> {
        let mut free = self.lock();
        let last = free.pop();
        // Only the first, which nobody used for longest: one at a time is enough for them to become fewer.
        if free.first().is_some_and(|it| it.since.elapsed() > UNUSED) {
            free.remove(0);
        }
        last
    }

    /// Has it at hand for whoever asks for one next; it is set as the pool sets those that it opens.
    pub(crate) fn put(&self, connection: AnyConnection) {
        let since = Instant::now();
        self.lock().push(Free { connection, since });
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Free>> {
        self.0.free.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How the use of a connection stands.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Use {
    /// Nobody saw the end of its statement: it is asked before it comes back.
    UnderWay,
    /// What was asked of it is over.
    Over,
    /// It may be left as nobody expects it, unless its use comes to an end.
    Changed,
}

/// A connection that somebody has.
pub(crate) struct Taken {
    /// Nothing only when it is dropped.
    had: Option<(AnyConnection, OwnedSemaphorePermit)>,
    home: Connections,
    state: Use,
}

impl Taken {
    /// Its use is over, and all is as it was before.
    pub(crate) const fn over(&mut self) {
        self.state = Use::Over;
    }

    /// What follows changes how it is set: unless that comes to its end, the connection is closed.
    pub(crate) const fn changes(&mut self) {
        self.state = Use::Changed;
    }

    fn ended<T>(&mut self, answer: Result<T, Error>) -> Result<T, Error> {
        // What the database refuses does no harm to the connection; everything else may.
        if matches!(answer, Ok(_) | Err(Error::Database(_))) {
            self.over();
        }
        answer
    }
}

impl Deref for Taken {
    type Target = AnyConnection;

    #[expect(clippy::expect_used, reason = "it is there until it is dropped")]
    fn deref(&self) -> &AnyConnection {
        let (connection, _place) = self.had.as_ref().expect("a connection that is had");
        connection
    }
}

impl DerefMut for Taken {
    #[expect(clippy::expect_used, reason = "it is there until it is dropped")]
    fn deref_mut(&mut self) -> &mut AnyConnection {
        let (connection, _place) = self.had.as_mut().expect("a connection that is had");
        connection
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        let Some((mut connection, place)) = self.had.take() else {
            return;
        };
        match (self.state, Handle::try_current()) {
            (Use::Over, _) => self.home.put(connection),
            (Use::UnderWay, Ok(runtime)) => {
                let home = self.home.clone();
                runtime.spawn(async move {
                    if connection.ping().await.is_ok() {
                        home.put(connection);
                    }
                    drop(place);
                });
            }
            // Without anybody who has it, it is closed.
            (Use::UnderWay | Use::Changed, _) => {}
        }
    }
}

/// Each statement on the connection that is free.
impl<'p> Executor<'p> for &'p Connections {
    type Database = Any;

    fn fetch_many<'e, 'q: 'e, E>(
        self,
        query: E,
    ) -> stream::BoxStream<'e, Result<Either<AnyQueryResult, AnyRow>, Error>>
    where
        'p: 'e,
        E: 'q + Execute<'q, Any>,
    {
        let answers = async move {
            let mut taken = self.take().await?;
            let answers = taken.fetch_many(query).try_collect::<Vec<_>>().await;
            taken.ended(answers)
        };
        stream::once(answers)
            .map_ok(|answers| stream::iter(answers.into_iter().map(Ok)))
            .try_flatten()
            .boxed()
    }

    fn fetch_optional<'e, 'q: 'e, E>(self, query: E) -> BoxFuture<'e, Result<Option<AnyRow>, Error>>
    where
        'p: 'e,
        E: 'q + Execute<'q, Any>,
    {
        let answer = async move {
            let mut taken = self.take().await?;
            let answer = taken.fetch_optional(query).await;
            taken.ended(answer)
        };
        answer.boxed()
    }

    fn prepare_with<'e>(
        self,
        sql: SqlStr,
        parameters: &'e [AnyTypeInfo],
    ) -> BoxFuture<'e, Result<AnyStatement, Error>>
    where
        'p: 'e,
    {
        let prepared = async move {
            let mut taken = self.take().await?;
            let prepared = taken.prepare_with(sql, parameters).await;
            taken.ended(prepared)
        };
        prepared.boxed()
    }

    fn describe<'e>(self, sql: SqlStr) -> BoxFuture<'e, Result<Describe<Any>, Error>>
    where
        'p: 'e,
    {
        let described = async move {
            let mut taken = self.take().await?;
            let described = taken.describe(sql).await;
            taken.ended(described)
        };
        described.boxed()
    }
}

/// A transaction; it is rolled back when it is dropped without a commit.
pub(crate) struct Tx {
    /// Nothing only when it is over.
    taken: Option<Taken>,
}

impl Tx {
    /// Begins with `statements`, the last of which may be about its locks.
    pub(crate) async fn begin(
        connections: &Connections,
        statements: &'static str,
    ) -> Result<Self, Error> {
        let mut taken = connections.take().await?;
        taken.changes();
        taken.execute(statements).await?;
        Ok(Self { taken: Some(taken) })
    }

    /// Makes what was done hold.
    pub(crate) async fn commit(mut self) -> Result<(), Error> {
        sqlx::query("commit").execute(&mut *self).await?;
        if let Some(mut taken) = self.taken.take() {
            taken.over();
        }
        Ok(())
    }
}

impl Deref for Tx {
    type Target = AnyConnection;

    #[expect(clippy::expect_used, reason = "it is there until the end")]
    fn deref(&self) -> &AnyConnection {
        self.taken.as_ref().expect("a transaction under way")
    }
}

impl DerefMut for Tx {
    #[expect(clippy::expect_used, reason = "it is there until the end")]
    fn deref_mut(&mut self) -> &mut AnyConnection {
        self.taken.as_mut().expect("a transaction under way")
    }
}

impl Drop for Tx {
    fn drop(&mut self) {
        let (Some(mut taken), Ok(runtime)) = (self.taken.take(), Handle::try_current()) else {
            // Without its connection it is over, too.
            return;
        };
        runtime.spawn(async move {
            if sqlx::query("rollback").execute(&mut *taken).await.is_ok() {
                taken.over();
            }
        });
    }
}
