//! Upstreams under the attacker's control, on threads of their own: what they cost is not the host's.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock, Mutex};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;

pub(crate) static OUTSIDE: LazyLock<Runtime> = LazyLock::new(|| {
    tokio::runtime::Builder::new_multi_thread().worker_threads(1).thread_name("outside").enable_all().build().unwrap()
});

/// So many heads of requests are remembered.
const MOST_HEADS: usize = 10_000;

/// How an upstream behaves once it has read the head of a request.
pub(crate) enum Manners {
    /// Answer with these bytes, made from the request's head.
    Answer(fn(&str) -> Vec<u8>),
    /// Answer with these bytes.
    Fixed(Vec<u8>),
    /// Answer with what stands here at that moment, and hang up.
    Once(Arc<Mutex<Vec<u8>>>),
    /// Answer nobody until so many wait for it at once.
    Together(Meeting),
    /// Say nothing, ever.
    Silence,
    /// Say this, and then repeat that, so many milliseconds apart (0: as fast as it goes), so many times.
    Repeat { first: Vec<u8>, then: Vec<u8>, every_ms: u64, times: u64 },
}

/// Where requests wait for each other.
pub(crate) struct Meeting {
    wanted: usize,
    here: AtomicUsize,
    /// Without a place, until it is closed.
    door: Semaphore,
    answer: Vec<u8>,
}

impl Meeting {
    /// Of so many, who are all answered with these bytes.
    pub(crate) fn of(wanted: usize, answer: Vec<u8>) -> Self {
        Self { wanted, here: AtomicUsize::new(0), door: Semaphore::new(0), answer }
    }

    async fn wait(&self) {
        if self.here.fetch_add(1, Ordering::SeqCst) + 1 >= self.wanted {
            self.door.close();
        }
        let _closed = self.door.acquire().await;
    }
}

/// A listener that counts who comes, and remembers what they said.
pub(crate) struct Upstream {
    pub(crate) address: SocketAddr,
    manners: Arc<Mutex<Arc<Manners>>>,
    came: Arc<AtomicUsize>,
    said: Arc<Mutex<Vec<String>>>,
    server: JoinHandle<()>,
}

impl Upstream {
    pub(crate) async fn start(manners: Manners) -> Self {
        Self::at("127.0.0.1:0", manners).await
    }

    pub(crate) async fn at(address: &str, manners: Manners) -> Self {
        let listener = std::net::TcpListener::bind(address).unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let (came, said) = (Arc::new(AtomicUsize::new(0)), Arc::new(Mutex::new(Vec::new())));
        let manners = Arc::new(Mutex::new(Arc::new(manners)));
        let server = {
            let (came, said, manners) = (Arc::clone(&came), Arc::clone(&said), Arc::clone(&manners));
            OUTSIDE.spawn(async move {
                let listener = TcpListener::from_std(listener).unwrap();
                let mut guests = tokio::task::JoinSet::new();
                while let Ok((stream, _)) = listener.accept().await {
                    came.fetch_add(1, Ordering::SeqCst);
                    // Those that are gone take memory until somebody asks after them.
                    while guests.try_join_next().is_some() {}
                    guests.spawn(serve(stream, Arc::clone(&manners), Arc::clone(&said)));
                }
            })
        };
        Self { address, manners, came, said, server }
    }

    /// From the next request on, it has other manners.
    pub(crate) fn behave(&self, manners: Manners) {
        *self.manners.lock().unwrap() = Arc::new(manners);
    }

    /// Connections so far.
    pub(crate) fn came(&self) -> usize {
        self.came.load(Ordering::SeqCst)
    }

    /// Heads of requests, as they came over the wire.
    pub(crate) fn said(&self) -> Vec<String> {
        self.said.lock().unwrap().clone()
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

impl Drop for Upstream {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn serve(mut stream: TcpStream, manners: Arc<Mutex<Arc<Manners>>>, said: Arc<Mutex<Vec<String>>>) {
    loop {
        let Some(head) = head(&mut stream).await else { return };
        remember(&said, &head);
        let now = Arc::clone(&manners.lock().unwrap());
        let ended = match &*now {
            Manners::Answer(answer) => stream.write_all(&answer(&head)).await.is_err(),
            Manners::Fixed(answer) => stream.write_all(answer).await.is_err(),
            Manners::Once(answer) => {
                let answer = answer.lock().unwrap().clone();
                let _whoever_asked_may_be_gone = stream.write_all(&answer).await;
                true
            }
            Manners::Together(meeting) => {
                meeting.wait().await;
                stream.write_all(&meeting.answer).await.is_err()
            }
            Manners::Silence => {
                // Until the other side gives up.
                while matches!(stream.read(&mut [0; 1024]).await, Ok(read) if read > 0) {}
                true
            }
            Manners::Repeat { first, then, every_ms, times } => {
                repeat(&mut stream, first, then, *every_ms, *times).await;
                true
            }
        };
        if ended || head.to_ascii_lowercase().contains("connection: close") {
            return;
        }
    }
}

/// Of hundreds of thousands, nobody looks at what the last ones said.
fn remember(said: &Mutex<Vec<String>>, head: &str) {
    let mut said = said.lock().unwrap();
    if said.len() < MOST_HEADS {
        said.push(head.to_owned());
    }
}

async fn repeat(stream: &mut TcpStream, first: &[u8], then: &[u8], every_ms: u64, times: u64) {
    if stream.write_all(first).await.is_err() {
        return;
    }
    for _ in 0..times {
        if every_ms > 0 {
            tokio::time::sleep(Duration::from_millis(every_ms)).await;
        }
        if stream.write_all(then).await.is_err() {
            return;
        }
    }
}

/// Up to the empty line. What follows of the body is read and dropped with the next one.
async fn head(stream: &mut TcpStream) -> Option<String> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        if head.len() > 1 << 20 || stream.read_exact(&mut byte).await.is_err() {
            return None;
        }
        head.push(byte[0]);
    }
    Some(String::from_utf8_lossy(&head).into_owned())
}

/// A whole answer with this body.
pub(crate) fn answer(status: u16, headers: &[(&str, &str)], body: &[u8]) -> Vec<u8> {
    let mut answer = format!("HTTP/1.1 {status} Whatever\r\ncontent-length: {}\r\n", body.len());
    for (name, value) in headers {
        answer.push_str(&format!("{name}: {value}\r\n"));
    }
    answer.push_str("\r\n");
    let mut answer = answer.into_bytes();
    answer.extend_from_slice(body);
    answer
}
