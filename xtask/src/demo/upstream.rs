//! A stand-in for GitHub's API on this machine, so that the demo's connection has somebody to ask and the demo calls
//! nobody outside. It knows a user who has no repositories, and takes no orders: everything that the dashboard shows
//! comes by webhook.

use anyhow::{Context, Result};
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::time::Duration;

/// Answer on a free port of 127.0.0.1 for as long as this process lives. The base URL.
pub(super) fn start() -> Result<String> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("listen for the demo's connection")?;
    let address = listener.local_addr().context("listen for the demo's connection")?;
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            std::thread::spawn(move || serve(&stream));
        }
    });
    Ok(format!("http://{address}"))
}

/// One request, one answer. Whoever breaks off gets nothing, which is all that can be done.
fn serve(stream: &TcpStream) -> Option<()> {
    stream.set_read_timeout(Some(Duration::from_secs(5))).ok()?;
    let mut reader = BufReader::new(stream);
    let mut request = String::new();
    reader.read_line(&mut request).ok()?;
    let mut line = String::new();
    while reader.read_line(&mut line).ok()? > 0 && !line.trim().is_empty() {
        line.clear();
    }
    let mut words = request.split_whitespace();
    let (method, target) = (words.next()?, words.next()?);
    let (status, body) = answer(method, target.split('?').next()?);
    let body = body.to_string();
    let head = format!(
        "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        body.len()
    );
    let mut stream = stream;
    stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body.as_bytes())).ok()
}

fn answer(method: &str, path: &str) -> (&'static str, Value) {
    match (method, path) {
        ("GET", "/user") => ("200 OK", json!({ "login": "demo", "id": 1, "type": "User" })),
        ("GET", "/user/repos") => ("200 OK", json!([])),
        // What GitHub says to a token that is no app's.
        ("GET", "/installation/repositories") => {
            let message = "You must authenticate with an installation access token in order to list repositories";
            ("403 Forbidden", json!({ "message": message }))
        }
        ("GET", _) => ("404 Not Found", json!({ "message": "Not Found" })),
        _ => ("403 Forbidden", json!({ "message": "This stands in for GitHub in the demo and takes no orders." })),
    }
}

#[cfg(test)]
mod tests {
    use super::start;
    use std::io::{Read, Write};

    #[test]
    fn it_knows_a_user_without_repositories_and_takes_no_orders() {
        let base = start().unwrap();
        for (request, status, says) in [
            ("GET /user", "200", "\"demo\""),
            ("GET /user/repos?per_page=100", "200", "[]"),
            ("GET /installation/repositories?per_page=1", "403", "installation"),
            ("GET /repos/a/b", "404", "Not Found"),
            ("POST /repos/a/b/actions/runs/1/rerun", "403", "takes no orders"),
        ] {
            let mut stream = std::net::TcpStream::connect(base.trim_start_matches("http://")).unwrap();
            stream.write_all(format!("{request} HTTP/1.1\r\nhost: x\r\n\r\n").as_bytes()).unwrap();
            let mut answer = String::new();
            stream.read_to_string(&mut answer).unwrap();
            assert!(answer.starts_with(&format!("HTTP/1.1 {status}")) && answer.contains(says), "{request}: {answer}");
        }
    }
}
