//! The port of plugin state.

use crate::ports::{Ports, effect};
use opssight_core::plugins::StateWrite;

fn write(key: &str, value: Option<&[u8]>) -> StateWrite {
    StateWrite { key: key.to_owned(), value: value.map(<[u8]>::to_vec) }
}

pub(crate) async fn state_is_kept_with_the_effect(ports: Ports) {
    ports.connect("c", &[]).await;
    ports.connect("other", &[]).await;
    let id = "c".into();
    let mut first = effect(Vec::new());
    first.state = vec![write("etag/a", Some(b"1")), write("etag/b", Some(b"22")), write("zz", Some(b""))];
    ports.ingest.apply(first).await.unwrap();
    assert_eq!(ports.state.get(&id, "etag/b").await.unwrap(), Some(b"22".to_vec()));
    assert_eq!(ports.state.get(&id, "zz").await.unwrap(), Some(Vec::new()));
    assert_eq!(ports.state.get(&"other".into(), "etag/b").await.unwrap(), None);
    assert_eq!(ports.state.keys(&id, "etag/", None, 10).await.unwrap(), ["etag/a", "etag/b"]);
    assert_eq!(ports.state.keys(&id, "etag/", Some("etag/a"), 10).await.unwrap(), ["etag/b"]);
    assert_eq!(ports.state.keys(&id, "", None, 1).await.unwrap(), ["etag/a"]);
    assert_eq!(ports.state.usage(&id).await.unwrap(), (6 + 1 + 6 + 2 + 2, 3));
    let mut second = effect(Vec::new());
    second.state = vec![write("etag/a", None), write("etag/b", Some(b"3"))];
    ports.ingest.apply(second).await.unwrap();
    assert_eq!(ports.state.keys(&id, "etag", None, 10).await.unwrap(), ["etag/b"]);
    assert_eq!(ports.state.get(&id, "etag/b").await.unwrap(), Some(b"3".to_vec()));
    // Nothing is remembered for a connection that is gone.
    let mut gone = effect(Vec::new());
    gone.connection = "gone".into();
    gone.state = vec![write("k", Some(b"v"))];
    ports.ingest.apply(gone).await.unwrap();
    assert_eq!(ports.state.usage(&"gone".into()).await.unwrap(), (0, 0));
}
