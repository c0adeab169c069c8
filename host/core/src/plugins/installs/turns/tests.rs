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
    let first = poll(pin!(turns.take(&one))).unwrap();
    let mut second = pin!(turns.take(&one));
    let mut third = pin!(turns.take(&one));
    assert!(poll(second.as_mut()).is_none() && poll(third.as_mut()).is_none());
    drop(poll(pin!(turns.take(&other))).unwrap());
    drop(first);
    assert!(poll(third.as_mut()).is_none());
    drop(poll(second.as_mut()).unwrap());
    drop(poll(third.as_mut()).unwrap());
    assert!(turns.lock().is_empty());
}

#[test]
fn whoever_stops_waiting_holds_nobody_up() {
    let turns = Turns::default();
    let one = id("one");
    let first = poll(pin!(turns.take(&one))).unwrap();
    let mut last = pin!(turns.take(&one));
    {
        let mut before = pin!(turns.take(&one));
        assert!(poll(before.as_mut()).is_none());
    }
    let mut handed = Box::pin(turns.take(&one));
    assert!(poll(handed.as_mut()).is_none() && poll(last.as_mut()).is_none());
    // The turn is handed to one who goes away before it is taken.
    drop(first);
    drop(handed);
    drop(poll(last.as_mut()).unwrap());
    assert!(turns.lock().is_empty());
}

#[test]
fn no_more_have_a_place_than_may_and_who_left_does_not_count() {
    let turns = Turns::default();
    let one = id("one");
    let busy = || matches!(turns.place(&one, 1), Err(InstallError::Busy(_)));
    let held = poll(pin!(turns.take(&one))).unwrap();
    let place = turns.place(&one, 1).unwrap();
    assert!(busy(), "a place counts before it waits");
    let mut waits = Box::pin(place.turn());
    assert!(poll(waits.as_mut()).is_none());
    assert!(busy(), "and while it does");
    assert!(poll(pin!(turns.take(&one))).is_none(), "what is urgent waits all the same");
    drop(waits);
    let mut waits = Box::pin(turns.place(&one, 1).unwrap().turn());
    assert!(poll(waits.as_mut()).is_none());
    drop(held);
    let held = poll(waits.as_mut()).unwrap();
    assert!(!busy(), "whose turn it is left its place");
    drop(held);
    drop(turns.place(&one, 1).unwrap());
    assert!(turns.lock().is_empty());
}

#[test]
fn a_turn_that_is_free_is_taken_without_waiting() {
    let turns = Turns::default();
    let one = id("one");
    let place = turns.place(&one, 1).unwrap();
    let held = turns.take_free(&one).unwrap();
    assert!(turns.take_free(&one).is_none());
    let mut waits = Box::pin(place.turn());
    assert!(poll(waits.as_mut()).is_none());
    drop(held);
    assert!(turns.take_free(&one).is_none(), "it is somebody else's already");
    drop(poll(waits.as_mut()).unwrap());
    drop(turns.take_free(&one).unwrap());
    assert!(turns.lock().is_empty());
}
