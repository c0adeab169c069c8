//! A line between hosts and a server, which can go mute or be cut in the middle of anything.

use std::net::Ipv4Addr;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// What becomes of what is sent over it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    /// It arrives.
    Whole,
    /// What hosts send arrives, and no answer comes back.
    Mute,
    /// Nobody is connected any more, and nobody gets a connection.
    Cut,
}

pub(crate) struct Wire {
    pub(crate) port: u16,
    state: watch::Sender<State>,
}

impl Wire {
    /// A line to a port of this machine.
    pub(crate) async fn to(server: u16) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port");
        let port = listener.local_addr().expect("its address").port();
        let (state, follow) = watch::channel(State::Whole);
        tokio::spawn(async move {
            while let Ok((host, _)) = listener.accept().await {
                tokio::spawn(carry(host, server, follow.clone()));
            }
        });
        Self { port, state }
    }

    pub(crate) fn becomes(&self, state: State) {
        self.state.send_replace(state);
    }
}

/// One connection, until one of its ends goes or the line is cut.
async fn carry(host: TcpStream, server: u16, mut state: watch::Receiver<State>) {
    let mut until_cut = state.clone();
    tokio::select! {
        biased;
        _ = until_cut.wait_for(|state| *state == State::Cut) => {}
        _ = joined(host, server, &mut state) => {}
    }
}

async fn joined(host: TcpStream, server: u16, state: &mut watch::Receiver<State>) -> std::io::Result<()> {
    let server = TcpStream::connect((Ipv4Addr::LOCALHOST, server)).await?;
    let (mut from_host, mut to_host) = host.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let answers = async {
        let mut bytes = vec![0; 64 << 10];
        loop {
            let count = from_server.read(&mut bytes).await?;
            let heard = state.wait_for(|state| *state != State::Mute).await.is_ok();
            if count == 0 || !heard {
                return Ok(());
            }
            to_host.write_all(&bytes[..count]).await?;
        }
    };
    tokio::select! {
        ended = tokio::io::copy(&mut from_host, &mut to_server) => ended.map(drop),
        ended = answers => ended,
    }
}
