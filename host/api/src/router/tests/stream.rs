//! The live stream, and sockets.

use crate::testing::World;
use axum::body::{Body, BodyDataStream};
use axum::http::Request;
use axum::response::Response;
use futures::StreamExt;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

async fn open(world: &World, query: &str, last_event_id: Option<&str>) -> Response {
    let bearer = format!("Bearer {}", world.token().await);
    let request = Request::get(format!("/api/v1/live{query}"))
        .header("authorization", bearer)
        .header("accept-encoding", "gzip, br");
    let request = last_event_id.into_iter().fold(request, |request, id| request.header("last-event-id", id));
    world.send(request.body(Body::empty()).unwrap()).await
}

async fn next(stream: &mut BodyDataStream) -> Option<String> {
    let chunk = tokio::time::timeout(Duration::from_secs(60), stream.next()).await.unwrap()?;
    Some(String::from_utf8(chunk.unwrap().to_vec()).unwrap())
}

#[tokio::test]
async fn events_come_as_they_happen_and_after_the_place_that_is_named() {
    let world = World::new();
    world.stubs.happens(1, "run_1");
    let response = open(&world, "", None).await;
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    assert!(!response.headers().contains_key("content-encoding"));
    let mut stream = response.into_body().into_data_stream();
    assert_eq!(next(&mut stream).await.unwrap(), "event: ready\nid: 1\ndata: {}\n\n");
    world.stubs.happens(2, "run_2");
    let event = next(&mut stream).await.unwrap();
    assert!(event.starts_with("id: 2\ndata: {\"specversion\":\"1.0\",\"id\":\"2\""), "{event}");
    assert!(event.contains("\"source\":\"/connections/github-1\",\"subject\":\"run_2\""), "{event}");

    let mut resumed = open(&world, "", Some("0")).await.into_body().into_data_stream();
    assert!(next(&mut resumed).await.unwrap().starts_with("id: 1\n"));
    assert!(next(&mut resumed).await.unwrap().starts_with("id: 2\n"));
    let mut filtered = open(&world, "?last_event_id=0&subject=run_2", None).await.into_body().into_data_stream();
    assert!(next(&mut filtered).await.unwrap().starts_with("id: 2\n"));
    let mut lost = open(&world, "", Some("99")).await.into_body().into_data_stream();
    assert_eq!(next(&mut lost).await.unwrap(), "event: resync\nid: 2\ndata: {}\n\n");
}

#[tokio::test]
async fn the_host_stops_with_its_streams_and_answers_what_is_under_way() {
    let world = World::new();
    let token = world.token().await;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let serving = tokio::spawn(crate::serve(listener, Arc::clone(&world.app), async {
        let _ = stopped.await;
    }));
    let mut socket = tokio::net::TcpStream::connect(address).await.unwrap();
    let ask = format!("GET /api/v1/live HTTP/1.1\r\nhost: a\r\nauthorization: Bearer {token}\r\n\r\n");
    socket.write_all(ask.as_bytes()).await.unwrap();
    let mut head = vec![0; 4096];
    let n = socket.read(&mut head).await.unwrap();
    assert!(String::from_utf8_lossy(&head[..n]).starts_with("HTTP/1.1 200 OK\r\n"));
    stop.send(()).unwrap();
    // The stream is closed in good order, and with it the last thing that the host waits for.
    let mut rest = String::new();
    tokio::time::timeout(Duration::from_secs(10), socket.read_to_string(&mut rest)).await.unwrap().unwrap();
    assert!(rest.ends_with("0\r\n\r\n"), "{rest}");
    tokio::time::timeout(Duration::from_secs(10), serving).await.unwrap().unwrap();
    assert!(tokio::net::TcpStream::connect(address).await.is_err());
}
