//! Sockets: accept, limit, time out, drain.

use crate::app::App;
use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use metrics_exporter_prometheus::PrometheusHandle;
use std::future::Future;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// A client that takes longer over its request line and headers, or is silent for longer between two requests, has
/// gone or means harm.
const HEADERS: Duration = Duration::from_secs(60);

/// How often the metrics are tidied.
const UPKEEP: Duration = Duration::from_secs(5);

/// Answer requests until `shutdown`, then let those under way end (as long as `ApiConfig::drain`), and return.
pub async fn serve(listener: TcpListener, app: Arc<App>, shutdown: impl Future<Output = ()>) {
    let stopping = CancellationToken::new();
    let sockets = Arc::new(Semaphore::new(app.config.sockets));
    let drain = app.config.drain;
    let conversations = TaskTracker::new();
    conversations.spawn(keep_metrics_small(app.metrics.clone(), stopping.clone()));
    let router = crate::router::router(app, stopping.clone());
    let mut shutdown = pin!(shutdown);
    loop {
        let accepted = async {
            // A place first: what cannot be served waits in the kernel's queue, which is short.
            let place = Arc::clone(&sockets).acquire_owned().await;
            (place, accept(&listener).await)
        };
        let (place, socket) = tokio::select! {
            accepted = accepted => accepted,
            () = &mut shutdown => break,
        };
        let conversation = converse(socket, router.clone(), stopping.clone());
        conversations.spawn(async move {
            conversation.await;
            drop(place);
        });
    }
    drop(listener);
    stopping.cancel();
    conversations.close();
    if tokio::time::timeout(drain, conversations.wait()).await.is_err() {
        tracing::warn!(open = conversations.len(), "stopped before every request was answered");
    }
}

/// Samples of histograms pile up until somebody reads them; where nobody scrapes, nobody would.
async fn keep_metrics_small(metrics: PrometheusHandle, stopping: CancellationToken) {
    while stopping.run_until_cancelled(tokio::time::sleep(UPKEEP)).await.is_some() {
        metrics.run_upkeep();
    }
}

async fn accept(listener: &TcpListener) -> TcpStream {
    loop {
        match listener.accept().await {
            Ok((socket, _)) => return socket,
            // The client gave up in the queue.
            Err(error) if is_clients_fault(&error) => {}
            Err(error) => {
                // Out of file descriptors, most likely: wait for some to come free.
                tracing::error!(%error, "could not accept a connection");
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        }
    }
}

fn is_clients_fault(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}

async fn converse(socket: TcpStream, router: Router, stopping: CancellationToken) {
    // Live events are small and should not wait for company.
    if let Err(error) = socket.set_nodelay(true) {
        tracing::debug!(%error, "could not switch off Nagle's algorithm");
    }
    let conversation = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADERS)
        .serve_connection(TokioIo::new(socket), TowerToHyperService::new(router));
    let mut conversation = pin!(conversation);
    let ended = tokio::select! {
        ended = conversation.as_mut() => ended,
        () = stopping.cancelled() => {
            conversation.as_mut().graceful_shutdown();
            conversation.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection ended badly");
    }
}
