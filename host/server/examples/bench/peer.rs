//! The other peer: a warm subprocess that parses, asked over a Unix socket with length-prefixed messages, as plugin
//! systems without a sandbox do it: the caller ends up with items, as it does after a sandboxed call.

use crate::native;
use opssight_core::plugins::{RawItem, WebhookDelivery};
use opssight_core::time::Timestamp;
use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::process::{Child, Command};

/// An item on the wire of the subprocess: id, kind, at, title, url, attributes, payload.
type Item = (String, String, i64, String, Option<String>, Vec<(String, String)>, Box<serde_json::value::RawValue>);

fn wire(item: RawItem) -> Item {
    let payload =
        String::from_utf8(item.payload).ok().and_then(|json| serde_json::value::RawValue::from_string(json).ok());
    (item.id, item.kind, item.at.0, item.title, item.url, item.attrs, payload.expect("payloads are JSON"))
}

fn read(stream: &mut UnixStream) -> Option<Vec<u8>> {
    let mut length = [0_u8; 4];
    stream.read_exact(&mut length).ok()?;
    let mut bytes = vec![0; u32::from_be_bytes(length) as usize];
    stream.read_exact(&mut bytes).ok()?;
    Some(bytes)
}

fn write(stream: &mut UnixStream, bytes: &[u8]) {
    stream.write_all(&u32::try_from(bytes.len()).expect("short").to_be_bytes()).expect("written");
    stream.write_all(bytes).expect("written");
}

/// The subprocess: until the other side hangs up.
pub(crate) fn serve(path: &str) {
    let mut stream = UnixStream::connect(path).expect("the socket is there");
    while let Some(body) = read(&mut stream) {
        let delivery = WebhookDelivery {
            headers: vec![("x-github-event".to_owned(), "workflow_run".to_owned())],
            body,
            received_at: Timestamp::from_millis(1_700_000_000_000),
        };
        let reception = native::receive(&delivery).expect("parsed");
        let items: Vec<Item> = reception.items.into_iter().map(wire).collect();
        let answer = serde_json::to_vec(&items).expect("JSON");
        write(&mut stream, &answer);
    }
}

/// The caller's side.
pub(crate) struct Peer {
    stream: UnixStream,
    child: Child,
}

impl Peer {
    pub(crate) fn start(dir: &Path) -> Peer {
        let path = dir.join("peer.sock");
        let listener = UnixListener::bind(&path).expect("a socket");
        let child = Command::new(std::env::current_exe().expect("this program"))
            .arg("peer")
            .arg(&path)
            .spawn()
            .expect("the peer starts");
        let (stream, _) = listener.accept().expect("the peer connects");
        Peer { stream, child }
    }

    pub(crate) fn call(&mut self, body: &[u8]) -> usize {
        write(&mut self.stream, body);
        let items: Vec<Item> = serde_json::from_slice(&read(&mut self.stream).expect("an answer")).expect("items");
        items.len()
    }

    /// CPU nanoseconds that the subprocess has used so far.
    pub(crate) fn cpu_ns(&self) -> u64 {
        crate::host::cpu_ns(self.child.id())
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        let _ = self.stream.shutdown(std::net::Shutdown::Both);
        let _ = self.child.wait();
    }
}
