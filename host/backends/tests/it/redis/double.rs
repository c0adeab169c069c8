//! What stands in the place of a Redis: something that holds back what is said, and servers that are none.

use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

#[derive(Clone, Copy, PartialEq)]
pub(super) enum Traffic {
    Flows,
    /// Connections are taken and kept, and nothing goes through.
    Held,
}

/// Between a client and a Redis.
pub(super) struct Proxy {
    pub(super) address: String,
    pub(super) traffic: watch::Sender<Traffic>,
}

impl Proxy {
    pub(super) async fn to(server: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let near = listener.local_addr().unwrap();
        let (credentials, far) = server.rsplit_once('@').unwrap();
        let (address, far) = (format!("{credentials}@{near}"), Arc::new(far.to_owned()));
        let (traffic, flow) = watch::channel(Traffic::Flows);
        tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                let (far, flow) = (Arc::clone(&far), flow.clone());
                tokio::spawn(async move {
                    let Ok(far) = TcpStream::connect(far.as_str()).await else { return };
                    let ((near_in, near_out), (far_in, far_out)) = (near.into_split(), far.into_split());
                    tokio::join!(carry(near_in, far_out, flow.clone()), carry(far_in, near_out, flow));
                });
            }
        });
        Self { address, traffic }
    }
}

async fn carry(
    mut from: tokio::net::tcp::OwnedReadHalf,
    mut to: tokio::net::tcp::OwnedWriteHalf,
    mut flow: watch::Receiver<Traffic>,
) {
    let mut buffer = vec![0; 4096];
    while let Ok(read @ 1..) = from.read(&mut buffer).await {
        if flow.wait_for(|traffic| *traffic == Traffic::Flows).await.is_err()
            || to.write_all(&buffer[..read]).await.is_err()
        {
            return;
        }
    }
}

/// Says this to whatever it hears. To say nothing and hang up is an answer as well.
pub(super) async fn always(answer: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("redis://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut heard = vec![0; 1024];
                while let Ok(1..) = stream.read(&mut heard).await {
                    if answer.is_empty() || stream.write_all(answer.as_bytes()).await.is_err() {
                        return;
                    }
                }
            });
        }
    });
    address
}
