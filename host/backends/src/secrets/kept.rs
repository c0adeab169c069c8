//! What Vault gave out, kept in memory for a bounded time: a delivery need not ask Vault each time, and Vault may be
//! away for a while. What Vault did not give out is remembered for a moment as well: deliveries of strangers lead to the
//! same question, and are not to reach Vault one by one.

use super::vault::VaultError;
use std::collections::HashMap;
use std::future::Future;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

/// More than anybody has; what is beyond is asked for each time.
const MOST: usize = 10_000;
/// While Vault is away and there is something to go on with, it is asked again after this long.
const PATIENCE: Duration = Duration::from_secs(10);
/// Where there is nothing to go on with, it is asked again after this long.
const REFUSED: Duration = Duration::from_secs(2);
/// How often it is looked whether something is to go.
const LOOK: Duration = Duration::from_secs(2);

/// Values of one kind by their names. They go once their time is over, whether anybody asks or not.
pub(super) struct Kept<K, V> {
    keep: Duration,
    known: Arc<Mutex<Known<K, V>>>,
}

struct Known<K, V> {
    entries: HashMap<K, Entry<V>>,
    /// Something removes what is over; it ends when nothing is left.
    is_tended: bool,
}

struct Entry<V> {
    last: Result<V, VaultError>,
    /// From then on Vault is asked again.
    ask_from: Instant,
    until: Instant,
}

impl<K, V> Kept<K, V>
where
    K: Eq + Hash + Send + 'static,
    V: Clone + Send + 'static,
{
    /// `keep`: so long a value may be used while Vault is away. Of zero nothing is remembered.
    pub(super) fn new(keep: Duration) -> Self {
        Self { keep, known: Arc::new(Mutex::new(Known { entries: HashMap::new(), is_tended: false })) }
    }

    /// What is known and `fresh`, or what Vault answers. If Vault is away, what is known and may still be used.
    pub(super) async fn get<Asked>(&self, name: K, fresh: Duration, ask: Asked) -> Result<V, VaultError>
    where
        Asked: Future<Output = Result<V, VaultError>>,
    {
        let aging = match self.find(&name) {
            Some((last, true)) => return last,
            Some((last, false)) => last.ok(),
            None => None,
        };
        let now = Instant::now;
        match (ask.await, aging) {
            (Ok(value), _) => {
                self.note(name, Ok(value.clone()), now() + fresh.min(self.keep), now() + self.keep);
                Ok(value)
            }
            (Err(error), Some(value)) if error.is_away() => {
                tracing::warn!(error = %error, "Vault is away; credentials that are in memory are used while they may be");
                self.wait(&name);
                Ok(value)
            }
            (Err(error), _) => {
                // Also where it was given out before: it is not any more.
                let until = now() + REFUSED.min(self.keep);
                self.note(name, Err(error.clone()), until, until);
                Err(error)
            }
        }
    }

    /// What was answered last, and whether Vault need not be asked again yet.
    fn find(&self, name: &K) -> Option<(Result<V, VaultError>, bool)> {
        let now = Instant::now();
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let entry = known.entries.get(name)?;
        if entry.until <= now {
            known.entries.remove(name);
            return None;
        }
        Some((entry.last.clone(), now < entry.ask_from))
    }

    fn note(&self, name: K, last: Result<V, VaultError>, ask_from: Instant, until: Instant) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if self.keep.is_zero() || (known.entries.len() >= MOST && !known.entries.contains_key(&name)) {
            return;
        }
        known.entries.insert(name, Entry { last, ask_from, until });
        if !known.is_tended {
            known.is_tended = true;
            tokio::spawn(tend(Arc::downgrade(&self.known)));
        }
    }

    fn wait(&self, name: &K) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(entry) = known.entries.get_mut(name) {
            entry.ask_from = Instant::now() + PATIENCE;
        }
    }
}

/// What is over goes also where nobody asks for it any more: it is a secret.
async fn tend<K, V>(known: Weak<Mutex<Known<K, V>>>) {
    loop {
        tokio::time::sleep(LOOK).await;
        let Some(known) = known.upgrade() else { return };
        let mut known = known.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        known.entries.retain(|_, entry| now < entry.until);
        if known.entries.is_empty() {
            known.is_tended = false;
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Instant, Kept, MOST};
    use crate::secrets::vault::VaultError;
    use std::future::ready;
    use std::time::Duration;

    const HOUR: Duration = Duration::from_secs(3_600);

    fn away() -> VaultError {
        VaultError::Sealed("here".to_owned())
    }

    fn denied() -> VaultError {
        VaultError::Denied { at: "here".to_owned(), path: "there".to_owned() }
    }

    async fn never() -> Result<u32, VaultError> {
        panic!("it was asked")
    }

    #[tokio::test]
    async fn what_is_fresh_is_not_asked_for_and_what_ages_is() {
        let kept = Kept::<&str, u32>::new(HOUR);
        assert_eq!(kept.get("a", HOUR, ready(Ok(1))).await, Ok(1));
        assert_eq!(kept.get("a", HOUR, never()).await, Ok(1));
        assert_eq!(kept.get("b", Duration::ZERO, ready(Ok(1))).await, Ok(1));
        assert_eq!(kept.get("b", Duration::ZERO, ready(Ok(2))).await, Ok(2));
        // While Vault is away, it is used, and Vault not asked each time.
        assert_eq!(kept.get("b", Duration::ZERO, ready(Err(away()))).await, Ok(2));
        assert_eq!(kept.get("b", Duration::ZERO, never()).await, Ok(2));
    }

    #[tokio::test]
    async fn what_vault_does_not_give_out_is_not_asked_for_at_once_again() {
        let kept = Kept::<&str, u32>::new(HOUR);
        for error in [away(), denied()] {
            let name = if error.is_away() { "away" } else { "denied" };
            assert_eq!(kept.get(name, HOUR, ready(Err(error.clone()))).await, Err(error.clone()));
            assert_eq!(kept.get(name, HOUR, never()).await, Err(error));
        }
        // What is denied now is not used any more, though it was in memory.
        assert_eq!(kept.get("a", Duration::ZERO, ready(Ok(1))).await, Ok(1));
        assert_eq!(kept.get("a", Duration::ZERO, ready(Err(denied()))).await, Err(denied()));
        assert_eq!(kept.get("a", Duration::ZERO, never()).await, Err(denied()));
        tokio::time::sleep(super::REFUSED).await;
        assert_eq!(kept.get("a", Duration::ZERO, ready(Ok(3))).await, Ok(3));
    }

    #[tokio::test]
    async fn what_is_known_stays_known_when_there_is_no_room_for_more() {
        let kept = Kept::<usize, u32>::new(HOUR);
        for name in 0..MOST {
            kept.note(name, Ok(1), Instant::now(), Instant::now() + HOUR);
        }
        assert_eq!(kept.get(MOST, HOUR, ready(Ok(1))).await, Ok(1));
        assert_eq!(kept.get(MOST, HOUR, ready(Ok(2))).await, Ok(2), "there was no room for it");
        assert_eq!(kept.get(7, HOUR, ready(Ok(2))).await, Ok(2));
        assert_eq!(kept.get(7, HOUR, never()).await, Ok(2));
    }

    #[tokio::test]
    async fn what_nobody_asks_for_goes_all_the_same() {
        let kept = Kept::<&str, u32>::new(Duration::from_millis(100));
        let nothing = Kept::<&str, u32>::new(Duration::ZERO);
        for kept in [&kept, &nothing] {
            assert_eq!(kept.get("a", HOUR, ready(Ok(1))).await, Ok(1));
        }
        let count = |kept: &Kept<&str, u32>| kept.known.lock().unwrap().entries.len();
        assert_eq!((count(&kept), count(&nothing)), (1, 0));
        tokio::time::sleep(super::LOOK + Duration::from_millis(500)).await;
        assert_eq!(count(&kept), 0);
        // And what comes later goes as well.
        assert_eq!(kept.get("b", HOUR, ready(Ok(1))).await, Ok(1));
        tokio::time::sleep(super::LOOK + Duration::from_millis(500)).await;
        assert_eq!(count(&kept), 0);
    }
}
