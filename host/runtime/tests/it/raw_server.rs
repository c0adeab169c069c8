//! An upstream that is made of bytes: it shows exactly what came over the wire, and answers as badly as it is told to.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// What to do with a connection, one after the other. It is closed at the end.
#[derive(Clone)]
pub(crate) enum Step {
    /// Read a request: its head, and as much body as it says.
    Read,
    Send(Vec<u8>),
    /// Send it so many times.
    Repeat(Vec<u8>, usize),
    /// Send it byte by byte with this pause.
    Drip(Vec<u8>, Duration),
    Wait(Duration),
}

pub(crate) struct RawServer {
    pub(crate) address: SocketAddr,
    pub(crate) connections: Arc<AtomicUsize>,
    seen: Arc<Mutex<Vec<Vec<u8>>>>,
}

impl RawServer {
    /// Every connection goes through these steps.
    pub(crate) async fn start(steps: Vec<Step>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (connections, seen) = (Arc::new(AtomicUsize::new(0)), Arc::new(Mutex::default()));
        let (count, log) = (Arc::clone(&connections), Arc::clone(&seen));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                count.fetch_add(1, Ordering::SeqCst);
                let (steps, log) = (steps.clone(), Arc::clone(&log));
                tokio::spawn(async move { play(stream, steps, log).await });
            }
        });
        Self { address, connections, seen }
    }

    /// Reads one request and answers "ok".
    pub(crate) async fn ok() -> Self {
        Self::start(vec![Step::Read, answer("", b"ok")]).await
    }

    /// The requests as they came.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.seen.lock().unwrap().iter().map(|bytes| String::from_utf8_lossy(bytes).into_owned()).collect()
    }

    pub(crate) fn opened(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

/// A whole answer with further header lines (each ended by CRLF), after which the connection is closed.
pub(crate) fn answer(headers: &str, body: &[u8]) -> Step {
    let length = body.len();
    let mut bytes =
        format!("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {length}\r\n{headers}\r\n").into_bytes();
    bytes.extend_from_slice(body);
    Step::Send(bytes)
}

async fn play(mut stream: TcpStream, steps: Vec<Step>, log: Arc<Mutex<Vec<Vec<u8>>>>) {
    for step in steps {
        let went_on = match step {
            Step::Read => match request(&mut stream).await {
                Some(request) => {
                    log.lock().unwrap().push(request);
                    true
                }
                None => false,
            },
            Step::Send(bytes) => stream.write_all(&bytes).await.is_ok(),
            Step::Repeat(bytes, times) => {
                let mut fine = true;
                for _ in 0..times {
                    fine = fine && stream.write_all(&bytes).await.is_ok();
                    if !fine {
                        break;
                    }
                }
                fine
            }
            Step::Drip(bytes, pause) => {
                let mut fine = true;
                for byte in bytes {
                    fine = fine && stream.write_all(&[byte]).await.is_ok();
                    if !fine {
                        break;
                    }
                    tokio::time::sleep(pause).await;
                }
                fine
            }
            Step::Wait(time) => {
                tokio::time::sleep(time).await;
                true
            }
        };
        if !went_on {
            return;
        }
    }
    // What is still unread must not reset the connection before the answer is read.
    let _ = stream.shutdown().await;
}

async fn request(stream: &mut TcpStream) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let head = loop {
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break end + 4;
        }
        let mut piece = [0; 4_096];
        let read = stream.read(&mut piece).await.ok().filter(|read| *read > 0)?;
        bytes.extend_from_slice(&piece[..read]);
    };
    let text = String::from_utf8_lossy(&bytes[..head]).to_ascii_lowercase();
    let length = text.lines().find_map(|line| line.strip_prefix("content-length:")?.trim().parse::<usize>().ok());
    while bytes.len() < head + length.unwrap_or(0) {
        let mut piece = [0; 4_096];
        let read = stream.read(&mut piece).await.ok().filter(|read| *read > 0)?;
        bytes.extend_from_slice(&piece[..read]);
    }
    Some(bytes)
}
