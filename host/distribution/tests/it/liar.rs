//! A registry that answers as a test tells it to.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::Arc;

/// What it was asked.
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) path: String,
    headers: Vec<(String, String)>,
}

impl Request {
    /// A header, or nothing.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
    }
}

/// What it answers.
pub(crate) struct Answer {
    status: u16,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
    /// Bytes that follow the body without end.
    endless: bool,
    /// Never answers.
    silent: bool,
}

impl Answer {
    pub(crate) fn status(status: u16) -> Self {
        Self { status, headers: Vec::new(), body: Vec::new(), endless: false, silent: false }
    }

    pub(crate) fn body(body: impl Into<Vec<u8>>) -> Self {
        Self { body: body.into(), ..Self::status(200) }
    }

    pub(crate) fn json(text: &str) -> Self {
        Self::body(text)
    }

    pub(crate) fn endless() -> Self {
        Self { endless: true, ..Self::status(200) }
    }

    pub(crate) fn silence() -> Self {
        Self { silent: true, ..Self::status(200) }
    }

    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }
}

/// It runs until the test ends.
#[derive(Clone)]
pub(crate) struct Liar {
    pub(crate) host: String,
}

impl Liar {
    pub(crate) fn start(tell: impl Fn(&Liar, &Request) -> Answer + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let liar = Self { host: listener.local_addr().unwrap().to_string() };
        let (itself, tell) = (liar.clone(), Arc::new(tell));
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (liar, tell) = (itself.clone(), Arc::clone(&tell));
                std::thread::spawn(move || serve(stream, &|request: &Request| tell(&liar, request)));
            }
        });
        liar
    }
}

/// One request a connection. Whoever hangs up is let go.
fn serve(mut stream: TcpStream, tell: &dyn Fn(&Request) -> Answer) -> Option<()> {
    let mut reader = BufReader::new(stream.try_clone().ok()?);
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    let mut words = line.split_whitespace();
    let (method, path) = (words.next()?.to_owned(), words.next()?.to_owned());
    let mut headers = Vec::new();
    loop {
        line.clear();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim().split_once(':') else { break };
        headers.push((name.to_lowercase(), value.trim().to_owned()));
    }
    let request = Request { method, path, headers };
    let length: usize = request.header("content-length").parse().unwrap_or_default();
    reader.read_exact(&mut vec![0; length]).ok()?;
    let answer = tell(&request);
    if answer.silent {
        std::thread::sleep(std::time::Duration::from_secs(60));
        return None;
    }
    let mut head = format!("HTTP/1.1 {} said\r\nconnection: close\r\n", answer.status);
    for (name, value) in &answer.headers {
        head += &format!("{name}: {value}\r\n");
    }
    if !answer.endless {
        head += &format!("content-length: {}\r\n", answer.body.len());
    }
    stream.write_all(format!("{head}\r\n").as_bytes()).ok()?;
    stream.write_all(&answer.body).ok()?;
    if answer.endless {
        loop {
            stream.write_all(&[b' '; 65_536]).ok()?;
        }
    }
    Some(())
}
