use super::*;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};

fn poll<T>(future: Pin<&mut impl Future<Output = T>>) -> Option<T> {
    match future.poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => Some(value),
        Poll::Pending => None,
    }
}

fn id(text: &str) -> PluginId {
    PluginId::from(text)
}

#[test]
fn turns_are_taken_in_order_and_leave_nothing_behind() {
    let turns = Turns::default();
    let (one, other) = (id("one"), id("other"));
    let first = poll(pin!(turns.take(&one, 9))).unwrap().unwrap();
    let mut second = pin!(turns.take(&one, 9));
    let mut third = pin!(turns.take(&one, 9));
    assert!(poll(second.as_mut()).is_none() && poll(third.as_mut()).is_none());
    drop(poll(pin!(turns.take(&other, 9))).unwrap().unwrap());
    drop(first);
    assert!(poll(third.as_mut()).is_none());
    drop(poll(second.as_mut()).unwrap().unwrap());
    drop(poll(third.as_mut()).unwrap().unwrap());
    assert!(turns.lock().is_empty());
}

#[test]
fn whoever_stops_waiting_holds_nobody_up() {
    let turns = Turns::default();
    let one = id("one");
    let first = poll(pin!(turns.take(&one, 9))).unwrap().unwrap();
    let mut last = pin!(turns.take(&one, 9));
    {
        let mut before = pin!(turns.take(&one, 9));
        assert!(poll(before.as_mut()).is_none());
    }
    let mut handed = Box::pin(turns.take(&one, 9));
    assert!(poll(handed.as_mut()).is_none() && poll(last.as_mut()).is_none());
    // The turn is handed to one who goes away before it is taken.
    drop(first);
    drop(handed);
    drop(poll(last.as_mut()).unwrap().unwrap());
    assert!(turns.lock().is_empty());
}

#[test]
fn no_more_wait_than_may_and_who_left_does_not_count() {
    let turns = Turns::default();
    let one = id("one");
    let held = poll(pin!(turns.take(&one, 1))).unwrap().unwrap();
    let mut waits = Box::pin(turns.take(&one, 1));
    assert!(poll(waits.as_mut()).is_none());
    let turned_away = poll(pin!(turns.take(&one, 1))).unwrap().map(drop);
    assert_eq!(turned_away.unwrap_err().code(), "too-many-changes");
    assert!(poll(pin!(turns.take(&one, usize::MAX))).is_none(), "what is urgent waits all the same");
    drop(waits);
    assert!(poll(pin!(turns.take(&one, 1))).is_none());
    drop(held);
    assert!(turns.lock().is_empty());
}
