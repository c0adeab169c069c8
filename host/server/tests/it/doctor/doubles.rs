//! Servers as nobody runs them any more, or has set right: just enough of them to be asked.

use std::time::{Duration, UNIX_EPOCH};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// Answer every connection with this.
async fn serve<F: Future<Output = std::io::Result<()>> + Send>(
    answer: impl Fn(TcpStream) -> F + Send + Sync + Clone + 'static,
) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("its address").port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let answer = answer.clone();
            // Whoever hangs up has seen enough.
            tokio::spawn(async move { answer(stream).await.ok() });
        }
    });
    port
}

/// The same answer to whatever is asked over HTTP.
pub(super) async fn web(status: u16, body: &'static str) -> u16 {
    serve(move |mut stream| async move {
        let mut asked = vec![0; 64 << 10];
        let _read = stream.read(&mut asked).await?;
        let head = format!("HTTP/1.1 {status} Said\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
        stream.write_all(head.as_bytes()).await?;
        stream.write_all(body.as_bytes()).await?;
        stream.shutdown().await
    })
    .await
}

/// A Redis of a version, whose clock is so many seconds ahead.
pub(super) async fn redis(version: &'static str, ahead_secs: u64) -> u16 {
    serve(move |stream| async move {
        let mut stream = BufReader::new(stream);
        loop {
            let mut words = Vec::new();
            for _ in 0..number(&mut stream).await? {
                let length = number(&mut stream).await?;
                let mut word = vec![0; length + 2];
                stream.read_exact(&mut word).await?;
                words.push(String::from_utf8_lossy(&word[..length]).to_uppercase());
            }
            let said = match words.first().map(String::as_str) {
                Some("HELLO") => format!("*2\r\n$7\r\nversion\r\n${}\r\n{version}\r\n", version.len()),
                Some("EVALSHA" | "EVAL") => ":0\r\n".to_owned(),
                Some("TIME") => {
                    let now = UNIX_EPOCH.elapsed().expect("a time") + Duration::from_secs(ahead_secs);
                    let secs = now.as_secs().to_string();
                    format!("*2\r\n${}\r\n{secs}\r\n$1\r\n0\r\n", secs.len())
                }
                _ => "-ERR unknown command\r\n".to_owned(),
            };
            stream.write_all(said.as_bytes()).await?;
        }
    })
    .await
}

/// "*3" or "$5".
async fn number(stream: &mut BufReader<TcpStream>) -> std::io::Result<usize> {
    let mut line = String::new();
    if stream.read_line(&mut line).await? == 0 {
        return Err(std::io::ErrorKind::UnexpectedEof.into());
    }
    Ok(line.trim_end()[1..].parse().expect("a number"))
}

/// A PostgreSQL 13.9 that lets everybody in and answers one question: which version it is.
pub(super) async fn old_postgres() -> u16 {
    serve(|mut stream| async move {
        // Which protocol, for whom.
        let mut length = stream.read_i32().await?;
        let mut rest = vec![0; usize::try_from(length - 4).expect("a length")];
        stream.read_exact(&mut rest).await?;
        if length == 8 {
            // Whether it speaks TLS. It does not.
            stream.write_all(b"N").await?;
            length = stream.read_i32().await?;
            rest = vec![0; usize::try_from(length - 4).expect("a length")];
            stream.read_exact(&mut rest).await?;
        }
        let ready = message(b'Z', b"I");
        stream.write_all(&[message(b'R', &[0; 4]), ready.clone()].concat()).await?;
        let column = b"\0\x01version\0\0\0\0\0\0\0\0\0\0\x19\xff\xff\xff\xff\xff\xff\0\0";
        let row = b"\0\x01\0\0\0\x06130009";
        let mut answer = Vec::new();
        loop {
            let kind = stream.read_u8().await?;
            let length = stream.read_i32().await?;
            let mut body = vec![0; usize::try_from(length - 4).expect("a length")];
            stream.read_exact(&mut body).await?;
            match kind {
                b'P' => answer.extend(message(b'1', b"")),
                b'D' => {
                    answer.extend(message(b't', b"\0\0"));
                    answer.extend(message(b'T', column));
                }
                b'B' => answer.extend(message(b'2', b"")),
                b'E' => {
                    answer.extend(message(b'D', row));
                    answer.extend(message(b'C', b"SHOW\0"));
                }
                b'C' => answer.extend(message(b'3', b"")),
                b'S' => {
                    answer.extend(&ready);
                    stream.write_all(&std::mem::take(&mut answer)).await?;
                }
                _ => return Ok(()),
            }
        }
    })
    .await
}

fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len() + 4).expect("a length");
    [&[kind][..], &length.to_be_bytes(), body].concat()
}
