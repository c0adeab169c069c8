//! Which offset a time has, for the broker of the tests, which says 0 whatever it is asked: the request ListOffsets is
//! answered in front of it, as Kafka does, and all others by it.

use super::broker::Broker;
use super::sasl::{frame, send};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Mutex;
use tokio::task::JoinSet;

const LIST_OFFSETS: i16 = 2;

/// A broker of its own that knows times. It ends with this value.
pub(super) struct Timekeeper {
    port: u16,
    _guests: JoinSet<()>,
    _broker: Broker,
}

impl Timekeeper {
    /// The times of the messages that are to be there, in milliseconds, partition by partition.
    pub(super) async fn start(times: Vec<Vec<i64>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let broker = Broker::start_behind(format!("127.0.0.1:{port}"));
        let (inside, mut guests) = (broker.address(), JoinSet::new());
        guests.spawn(async move {
            let mut guests = JoinSet::new();
            while let Ok((guest, _)) = listener.accept().await {
                let (broker, times) = (TcpStream::connect(&inside).await.unwrap(), times.clone());
                guests.spawn(async move {
                    let _gone = between(guest, broker, &times).await;
                });
            }
        });
        Self { port, _guests: guests, _broker: broker }
    }

    pub(super) fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }
}

async fn between(guest: TcpStream, broker: TcpStream, times: &[Vec<i64>]) -> std::io::Result<()> {
    let ((mut from_guest, to_guest), (mut from_broker, mut to_broker)) = (guest.into_split(), broker.into_split());
    let to_guest = Mutex::new(to_guest);
    let there = async {
        loop {
            let asked = frame(&mut from_guest).await?;
            match answer(&asked, times) {
                Some(answer) => send(&mut *to_guest.lock().await, &answer).await?,
                None => send(&mut to_broker, &asked).await?,
            }
        }
    };
    let back = async {
        loop {
            let said = frame(&mut from_broker).await?;
            send(&mut *to_guest.lock().await, &said).await?;
        }
    };
    tokio::select! { gone = there => gone, gone = back => gone }
}

/// What Kafka would say, if it is asked for a time: the first message of then or later, or none. Version 6 and later, of
/// one topic; lengths and counts are small enough to be a byte each, and one more than what they count.
fn answer(asked: &[u8], times: &[Vec<i64>]) -> Option<Vec<u8>> {
    let (kind, version) = (i16::from_be_bytes([asked[0], asked[1]]), i16::from_be_bytes([asked[2], asked[3]]));
    if kind != LIST_OFFSETS {
        return None;
    }
    assert!(version >= 6, "{version}");
    let client_id = usize::from(u16::from_be_bytes([asked[8], asked[9]]));
    // Behind the header, who asks, and which messages count.
    let topics = &asked[10 + client_id + 1 + 5..];
    assert_eq!(topics[0], 1 + 1, "one topic");
    let name = usize::from(topics[1]) - 1;
    let partitions = &topics[2 + name..];
    let count = usize::from(partitions[0]) - 1;
    let mut answer = [&asked[4..8], &[0], &[0; 4], &topics[..2 + name], &partitions[..1]].concat();
    for partition in partitions[1..].chunks_exact(17).take(count) {
        let index = usize::try_from(u32::from_be_bytes(partition[..4].try_into().unwrap())).unwrap();
        let millis = i64::from_be_bytes(partition[8..16].try_into().unwrap());
        if millis < 0 {
            // The first, or the next: the broker knows these.
            return None;
        }
        let found = times[index].iter().position(|time| *time >= millis);
        let (time, offset) = found.map_or((-1, -1), |at| (times[index][at], i64::try_from(at).unwrap()));
        answer.extend([&partition[..4], &[0; 2]].concat());
        answer.extend([time.to_be_bytes(), offset.to_be_bytes()].concat());
        answer.extend([&(-1_i32).to_be_bytes()[..], &[0]].concat());
    }
    answer.extend([0, 0]);
    Some(answer)
}
