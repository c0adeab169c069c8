//! A name server in the hands of the attacker.

use async_trait::async_trait;
use opssight_runtime::Resolver;
use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::net::IpAddr;
use std::sync::Mutex;

/// Answers in turn; the last answer repeats, as with a time to live of zero.
#[derive(Default)]
pub(crate) struct Names {
    scripts: Mutex<BTreeMap<String, Script>>,
    /// Where every other name leads.
    others: Mutex<Vec<IpAddr>>,
}

#[derive(Default)]
struct Script {
    answers: VecDeque<Vec<IpAddr>>,
    asked: u32,
}

impl Names {
    /// A name's answers, one after the other.
    pub(crate) fn script(&self, name: &str, answers: &[&[&str]]) {
        let parse = |answer: &&[&str]| answer.iter().map(|address| address.parse().unwrap()).collect();
        let script = Script { answers: answers.iter().map(parse).collect(), asked: 0 };
        self.scripts.lock().unwrap().insert(name.to_owned(), script);
    }

    /// How often a name was looked up.
    pub(crate) fn asked(&self, name: &str) -> u32 {
        self.scripts.lock().unwrap().get(name).map_or(0, |script| script.asked)
    }

    /// Every name that has no script leads there, so that none is refused only because it does not exist.
    pub(crate) fn otherwise(&self, addresses: &[&str]) {
        *self.others.lock().unwrap() = addresses.iter().map(|address| address.parse().unwrap()).collect();
    }

    pub(crate) fn clear(&self) {
        self.scripts.lock().unwrap().clear();
        self.others.lock().unwrap().clear();
    }
}

#[async_trait]
impl Resolver for Names {
    async fn resolve(&self, name: &str) -> io::Result<Vec<IpAddr>> {
        let no_such_name = || io::Error::other("no such name");
        let mut names = self.scripts.lock().unwrap();
        let Some(script) = names.get_mut(name) else {
            let others = self.others.lock().unwrap().clone();
            return if others.is_empty() { Err(no_such_name()) } else { Ok(others) };
        };
        script.asked += 1;
        let answer =
            if script.answers.len() > 1 { script.answers.pop_front() } else { script.answers.front().cloned() };
        answer.ok_or_else(no_such_name)
    }
}
