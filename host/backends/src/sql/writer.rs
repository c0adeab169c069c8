//! The one task that writes. Commands queue up; the task runs what waits in one transaction and answers after the
//! commit, so that a burst of commands shares one flush to the disk and an answer means "durable".
//!
//! A command that fails must not take its neighbours with it. Failing is rare and savepoints are not free (SQLite
//! copies every page that is changed under one), so a batch runs without them first; when a command fails, the batch
//! is undone and run again with a savepoint for each. Commands therefore change nothing but the store. If the commit
//! fails, nobody is told that anything was kept, and the connection is opened afresh, because what SQLite holds after
//! a failed commit is not known.

use super::conn::{Conn, PgConn};
use super::error::Error;
use crate::failpoint;
use futures::FutureExt;
use futures::future::BoxFuture;
use sqlx::ConnectOptions;
use sqlx::postgres::PgConnectOptions;
use sqlx::sqlite::SqliteConnectOptions;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, oneshot};

/// A database that is far away may not answer at all. Its own limit for a statement is shorter.
const LONGEST_SILENCE: Duration = Duration::from_secs(40);

/// A transaction takes in no more commands after this long, or this many.
const LONGEST_BATCH: Duration = Duration::from_millis(5);
const LARGEST_BATCH: usize = 200;

/// How a connection is opened afresh.
pub(crate) enum Reopen {
    Sqlite(SqliteConnectOptions),
    Postgres(PgConnectOptions),
}

impl Reopen {
    pub(super) async fn connect(&self) -> Result<Conn, sqlx::Error> {
        match self {
            Reopen::Sqlite(options) => options.connect().await.map(Conn::Sqlite),
            Reopen::Postgres(options) => Ok(Conn::Postgres(PgConn::new(options.connect().await?))),
        }
    }
}

/// The way to the task.
pub(crate) struct Writer {
    queue: mpsc::Sender<Message>,
    patience: Duration,
}

enum Message {
    Run(Box<dyn Command>),
    Close(oneshot::Sender<()>),
}

impl Writer {
    /// Start the task on an open connection. `waiting`: commands that may queue; `patience`: how long one waits for a
    /// place in the queue.
    pub(crate) fn start(conn: Conn, reopen: Reopen, waiting: usize, patience: Duration) -> Self {
        let (queue, commands) = mpsc::channel(waiting.max(1));
        tokio::spawn(Task { conn: Some(conn), reopen, commands }.run());
        Self { queue, patience }
    }

    /// Run a command on its data; returns after its commit. It may be run twice, of which one never happened.
    /// `after` is called between the commit and the answer, also when whoever asked has gone away meanwhile; it is
    /// told the result if it is known that it was kept.
    pub(crate) async fn write<D, T, F, A>(&self, doing: &'static str, data: D, run: F, after: A) -> Result<T, Error>
    where
        D: Send + Sync + 'static,
        T: Send + 'static,
        F: for<'a> Fn(&'a D, &'a mut Conn) -> BoxFuture<'a, Result<T, Error>> + Send + 'static,
        A: FnOnce(Option<&T>) + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let message = Message::Run(Box::new(Work { doing, data, run, done: None, after, reply }));
        failpoint::reached(doing, "asked");
        self.queue.send_timeout(message, self.patience).await.map_err(|error| match error {
            mpsc::error::SendTimeoutError::Timeout(_) => Error::Overloaded,
            mpsc::error::SendTimeoutError::Closed(_) => Error::Closed,
        })?;
        answer.await.unwrap_or(Err(Error::Closed))
    }

    /// Run what waits, then end the task.
    pub(crate) async fn close(&self) {
        let (closed, done) = oneshot::channel();
        if self.queue.send(Message::Close(closed)).await.is_ok() {
            let _ = done.await;
        }
    }
}

/// A command whose types are hidden.
trait Command: Send {
    /// Run it. False: it failed, and what it did must be undone.
    fn run<'a>(&'a mut self, conn: &'a mut Conn) -> BoxFuture<'a, bool>;
    /// Answer whoever waits; with an error, whatever the command's own result was.
    fn answer(self: Box<Self>, lost: Option<Error>);
}

struct Work<D, F, A, T> {
    /// What it does, as its errors say it.
    doing: &'static str,
    data: D,
    run: F,
    done: Option<Result<T, Error>>,
    after: A,
    reply: oneshot::Sender<Result<T, Error>>,
}

impl<D, F, A, T> Command for Work<D, F, A, T>
where
    D: Send + Sync + 'static,
    T: Send + 'static,
    F: for<'a> Fn(&'a D, &'a mut Conn) -> BoxFuture<'a, Result<T, Error>> + Send + 'static,
    A: FnOnce(Option<&T>) + Send + 'static,
{
    fn run<'a>(&'a mut self, conn: &'a mut Conn) -> BoxFuture<'a, bool> {
        let future = AssertUnwindSafe((self.run)(&self.data, conn));
        let (doing, done) = (self.doing, &mut self.done);
        Box::pin(async move {
            let result = future.catch_unwind().await.unwrap_or(Err(Error::Panicked));
            let ok = result.is_ok();
            failpoint::reached(doing, "ran");
            *done = Some(result);
            ok
        })
    }

    fn answer(self: Box<Self>, lost: Option<Error>) {
        let result = match (lost, self.done) {
            // Its own error says more than that the batch was lost.
            (_, Some(Err(error))) | (Some(error), _) => Err(error),
            (None, Some(done)) => done,
            (None, None) => Err(Error::BatchLost),
        };
        failpoint::reached(self.doing, "kept");
        (self.after)(result.as_ref().ok());
        // Nobody may be waiting any more; the command has happened all the same.
        let _ = self.reply.send(result);
    }
}

struct Task {
    conn: Option<Conn>,
    reopen: Reopen,
    commands: mpsc::Receiver<Message>,
}

impl Task {
    async fn run(mut self) {
        while let Some(message) = self.commands.recv().await {
            let closing = match message {
                Message::Run(first) => self.batch(first).await,
                Message::Close(closed) => Some(closed),
            };
            if let Some(closed) = closing {
                self.commands.close();
                if let Some(conn) = self.conn.take()
                    && let Err(error) = conn.close().await
                {
                    tracing::warn!(error = &error as &dyn std::error::Error, "failed to close the store's writer");
                }
                let _ = closed.send(());
                return;
            }
        }
    }

    /// One transaction: the first command and what waits behind it. With the way to answer if closing was asked for.
    async fn batch(&mut self, first: Box<dyn Command>) -> Option<oneshot::Sender<()>> {
        let mut batch = vec![first];
        let mut closing = None;
        let mut ended = self.in_time(&mut batch, &mut closing).await;
        // Nothing was kept, and nobody was told anything: the connection may only have been cut.
        if let Err(Lost { before_commit: true, .. }) = &ended
            && matches!(self.reopen, Reopen::Postgres(_))
        {
            self.conn = None;
            ended = self.in_time(&mut batch, &mut closing).await;
        }
        let lost = ended.err().map(|Lost { error, .. }| {
            self.conn = None;
            tracing::error!(error = &error as &dyn std::error::Error, "failed to commit to the store");
            Arc::new(error)
        });
        for command in batch {
            command.answer(lost.as_ref().map(|error| Error::NotCommitted(Arc::clone(error))));
        }
        closing
    }

    async fn in_time(
        &mut self,
        batch: &mut Vec<Box<dyn Command>>,
        closing: &mut Option<oneshot::Sender<()>>,
    ) -> Result<(), Lost> {
        if matches!(self.reopen, Reopen::Sqlite(_)) {
            return self.transaction(batch, closing).await;
        }
        match tokio::time::timeout(LONGEST_SILENCE, self.transaction(batch, closing)).await {
            Ok(ended) => ended,
            Err(_) => Err(Lost::at_commit(std::io::Error::from(std::io::ErrorKind::TimedOut).into())),
        }
    }

    async fn transaction(
        &mut self,
        batch: &mut Vec<Box<dyn Command>>,
        closing: &mut Option<oneshot::Sender<()>>,
    ) -> Result<(), Lost> {
        let began = Instant::now();
        let conn = match &mut self.conn {
            Some(conn) => conn,
            None => self.conn.insert(self.reopen.connect().await?),
        };
        conn.begin().await?;
        let mut next = 0;
        while let Some(command) = batch.get_mut(next) {
            next += 1;
            if !command.run(conn).await {
                let undone = conn.say("ROLLBACK").await;
                // SQLite may have given the transaction up by itself; then there is nothing left to undo.
                if let (Conn::Postgres(_), Err(error)) = (&*conn, undone) {
                    return Err(error.into());
                }
                return if batch.len() > 1 { apart(conn, batch).await } else { Ok(()) };
            }
            if next < LARGEST_BATCH && began.elapsed() < LONGEST_BATCH {
                match self.commands.try_recv() {
                    Ok(Message::Run(command)) => batch.push(command),
                    Ok(Message::Close(closed)) => *closing = Some(closed),
                    Err(_) => {}
                }
            }
        }
        conn.say("COMMIT").await.map_err(Lost::at_commit)
    }
}

/// A transaction that did not come to its end.
struct Lost {
    error: sqlx::Error,
    /// It is known that nothing of it was kept.
    before_commit: bool,
}

impl Lost {
    fn at_commit(error: sqlx::Error) -> Self {
        Self { error, before_commit: false }
    }
}

impl From<sqlx::Error> for Lost {
    fn from(error: sqlx::Error) -> Self {
        Self { error, before_commit: true }
    }
}

/// A batch again, each command in a savepoint of its own.
async fn apart(conn: &mut Conn, batch: &mut [Box<dyn Command>]) -> Result<(), Lost> {
    conn.begin().await?;
    for command in batch {
        conn.say("SAVEPOINT command").await?;
        if !command.run(conn).await {
            // Fails when SQLite gave up the whole transaction (the disk is full, it cannot be read): then nothing of
            // this batch was kept.
            conn.say("ROLLBACK TO command").await?;
            conn.is_undone();
        }
        conn.say("RELEASE command").await?;
    }
    conn.say("COMMIT").await.map_err(Lost::at_commit)
}
