//! The one task that writes. Commands queue up; the task runs what waits in one transaction and answers after the
//! commit, so that a burst of commands shares one flush to the disk and an answer means "durable".
//!
//! Each command has a savepoint of its own: one that fails is undone and answered, the others go on. If the commit
//! fails, nobody is told that anything was kept, and the connection is opened afresh, because what SQLite holds after
//! a failed commit is not known.

use super::Conn;
use super::error::Error;
use futures::FutureExt;
use futures::future::BoxFuture;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Connection};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, oneshot};

/// A transaction takes in no more commands after this long, or this many.
const LONGEST_BATCH: Duration = Duration::from_millis(5);
const LARGEST_BATCH: usize = 200;

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
    pub(crate) fn start(conn: Conn, options: SqliteConnectOptions, waiting: usize, patience: Duration) -> Self {
        let (queue, commands) = mpsc::channel(waiting.max(1));
        tokio::spawn(Task { conn: Some(conn), options, commands }.run());
        Self { queue, patience }
    }

    /// Run a command; returns after its commit. `after` is called between the commit and the answer, also when
    /// whoever asked has gone away meanwhile; it is told the result if it is known that it was kept.
    pub(crate) async fn write<T, F, A>(&self, work: F, after: A) -> Result<T, Error>
    where
        T: Send + 'static,
        F: for<'c> FnOnce(&'c mut Conn) -> BoxFuture<'c, Result<T, Error>> + Send + 'static,
        A: FnOnce(Option<&T>) + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let message = Message::Run(Box::new(Work { work: Some(work), done: None, after, reply }));
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

/// A command whose result type is hidden.
trait Command: Send {
    /// Run it. False: it failed, and what it did must be undone.
    fn run<'a>(&'a mut self, conn: &'a mut Conn) -> BoxFuture<'a, bool>;
    /// Answer whoever waits; with an error, whatever the command's own result was.
    fn answer(self: Box<Self>, lost: Option<Error>);
}

struct Work<F, A, T> {
    work: Option<F>,
    done: Option<Result<T, Error>>,
    after: A,
    reply: oneshot::Sender<Result<T, Error>>,
}

impl<F, A, T> Command for Work<F, A, T>
where
    T: Send + 'static,
    F: for<'c> FnOnce(&'c mut Conn) -> BoxFuture<'c, Result<T, Error>> + Send + 'static,
    A: FnOnce(Option<&T>) + Send + 'static,
{
    fn run<'a>(&'a mut self, conn: &'a mut Conn) -> BoxFuture<'a, bool> {
        Box::pin(async move {
            let Some(work) = self.work.take() else { return false };
            let future = AssertUnwindSafe(async move { work(conn).await });
            let result = future.catch_unwind().await.unwrap_or(Err(Error::Panicked));
            let ok = result.is_ok();
            self.done = Some(result);
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
        (self.after)(result.as_ref().ok());
        // Nobody may be waiting any more; the command has happened all the same.
        let _ = self.reply.send(result);
    }
}

struct Task {
    conn: Option<Conn>,
    options: SqliteConnectOptions,
    commands: mpsc::Receiver<Message>,
}

/// How a batch ended.
enum Ended {
    Committed,
    Lost(Arc<sqlx::Error>),
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

    /// One transaction: the first command and what waits behind it.
    async fn batch(&mut self, first: Box<dyn Command>) -> Option<oneshot::Sender<()>> {
        let mut run: Vec<Box<dyn Command>> = Vec::new();
        let mut closing = None;
        let ended = match self.transaction(first, &mut run, &mut closing).await {
            Ok(()) => Ended::Committed,
            Err(error) => {
                self.conn = None;
                tracing::error!(error = &error as &dyn std::error::Error, "failed to commit to the store");
                Ended::Lost(Arc::new(error))
            }
        };
        for command in run {
            command.answer(match &ended {
                Ended::Committed => None,
                Ended::Lost(error) => Some(Error::NotCommitted(Arc::clone(error))),
            });
        }
        closing
    }

    async fn transaction(
        &mut self,
        first: Box<dyn Command>,
        run: &mut Vec<Box<dyn Command>>,
        closing: &mut Option<oneshot::Sender<()>>,
    ) -> Result<(), sqlx::Error> {
        let mut next = Some(first);
        let began = Instant::now();
        let conn = match &mut self.conn {
            Some(conn) => conn,
            None => match self.options.connect().await {
                Ok(conn) => self.conn.insert(conn),
                Err(error) => {
                    run.extend(next);
                    return Err(error);
                }
            },
        };
        // Two statements a trip: every trip to the connection's thread costs more than the statement.
        let mut open = "BEGIN IMMEDIATE; SAVEPOINT command";
        while let Some(mut command) = next.take() {
            let opened = sqlx::query(open).execute(&mut *conn).await;
            if let Err(error) = opened {
                run.push(command);
                return Err(error);
            }
            let ok = command.run(conn).await;
            run.push(command);
            if ok {
                open = "RELEASE command; SAVEPOINT command";
            } else {
                // Fails when SQLite gave up the whole transaction (the disk is full, it cannot be read): then
                // nothing of this batch was kept.
                sqlx::query("ROLLBACK TO command").execute(&mut *conn).await?;
                open = "RELEASE command; SAVEPOINT command";
            }
            if run.len() < LARGEST_BATCH && began.elapsed() < LONGEST_BATCH {
                match self.commands.try_recv() {
                    Ok(Message::Run(command)) => next = Some(command),
                    Ok(Message::Close(closed)) => *closing = Some(closed),
                    Err(_) => {}
                }
            }
        }
        sqlx::query("COMMIT").execute(&mut *conn).await?;
        Ok(())
    }
}
