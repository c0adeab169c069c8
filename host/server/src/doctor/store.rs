//! The relational store, with the master keys that open it.

use super::{Depth, Finding, compared, failed, keys, within};
use crate::config::Config;
use opssight_backends::{
    CHECKED_AT_OPEN_BYTES, Checkup, OpenError, ServerCheckup, SystemClock, check_up_database, check_up_file,
    file_holder, file_problems,
};
use opssight_cli::bytes;
use std::path::Path;

const CHECK: &str = "store";
const TABLES: &str = "store tables";
/// A database is read by so many even if fewer are set.
const LEAST_READERS: u32 = 2;
/// What a host takes beside those that read: one that writes, and one that listens.
const BESIDE_READERS: u32 = 2;

pub(super) async fn look(config: &Config, depth: Depth) -> Vec<Finding> {
    let keys = keys::read(config);
    let ring = match &keys {
        keys::Keys::There(ring) => Some(ring.clone()),
        _ => None,
    };
    let mut checkup = None;
    let found = within(CHECK, async {
        let (found, seen) = match &config.store.url {
            Some(url) => match check_up_database(url.expose(), ring.as_ref(), &SystemClock).await {
                Ok(seen) => (database(config, &seen), Some(seen)),
                Err(error) => (vec![Finding::failing(CHECK, failed(&error))], None),
            },
            None => match check_up_file(&config.server.data, ring.as_ref()).await {
                Ok(None) => (vec![Finding::ok(CHECK, "SQLite; a first start makes its file")], None),
                Ok(Some(seen)) => (file(config, &seen), Some(seen)),
                Err(error) => (vec![Finding::failing(CHECK, failed(&error))], None),
            },
        };
        checkup = seen;
        found
    })
    .await;
    let mut found = found;
    if let Some(seen) = &checkup {
        found.push(tables(seen));
    }
    if checkup.is_some() && config.store.url.is_none() {
        found.extend(read_through(&config.server.data, depth).await);
    }
    found.extend(keys::judge(config, keys, checkup.as_ref()));
    found
}

fn tables(seen: &Checkup) -> Finding {
    match &seen.pending {
        Err(error) => Finding::failing(TABLES, failed(error)),
        Ok(_) if seen.is_new => Finding::ok(TABLES, "there are none yet; a first start makes them"),
        Ok(pending) if pending.is_empty() => Finding::ok(TABLES, "up to date"),
        Ok(pending) => {
            let steps: Vec<_> = pending.iter().map(ToString::to_string).collect();
            let detail = format!("of an earlier version; the next start takes the steps {}", steps.join(", "));
            Finding::warning(TABLES, detail)
                .mend("back the store up before: an earlier version does not start on it again")
        }
    }
}

fn file(config: &Config, seen: &Checkup) -> Vec<Finding> {
    let detail = match file_holder(&config.server.data) {
        Some(by) => format!("{}, in use by a running host ({by})", seen.at),
        None => seen.at.clone(),
    };
    vec![Finding::ok(CHECK, detail)]
}

/// What is damaged in the file.
async fn read_through(data: &Path, depth: Depth) -> Vec<Finding> {
    const CHECK: &str = "store file";
    let size = std::fs::metadata(data.join("opssight.sqlite")).map_or(0, |metadata| metadata.len());
    if depth == Depth::Quick && size > CHECKED_AT_OPEN_BYTES {
        let detail = format!("not read through ({}): `opssight doctor --full` does", bytes(size));
        return vec![Finding::skipped(CHECK, detail)];
    }
    vec![match file_problems(data).await {
        Ok(problems) if problems.is_empty() => Finding::ok(CHECK, format!("sound ({})", bytes(size))),
        Ok(problems) => Finding::failing(CHECK, failed(&OpenError::Damaged(problems))),
        Err(error) => Finding::failing(CHECK, failed(&error)),
    }]
}

fn database(config: &Config, seen: &Checkup) -> Vec<Finding> {
    let Some(server) = &seen.server else { return Vec::new() };
    let detail = format!("{}, version {}", seen.at, server.version);
    let mut found = vec![Finding::ok(CHECK, detail), compared("store clock", server.ahead, true)];
    found.extend(rights(server, seen));
    found.push(connections(config.store.readers, server.connections));
    found
}

fn rights(server: &ServerCheckup, seen: &Checkup) -> Option<Finding> {
    if server.is_read_only {
        let detail = "it takes no writes: it is a replica, or set to be read only";
        return Some(Finding::failing("store rights", detail).mend("name the primary in store.url"));
    }
    if server.may_create {
        return None;
    }
    let detail = "the user of store.url may not make tables";
    let fix = "make it the owner of the database: ALTER DATABASE ... OWNER TO ...";
    // Those that are there do for now.
    let are_there = seen.pending.as_ref().is_ok_and(Vec::is_empty);
    let found =
        if are_there { Finding::warning("store rights", detail) } else { Finding::failing("store rights", detail) };
    Some(found.mend(fix))
}

fn connections(readers: u32, (free, all): (i64, i64)) -> Finding {
    const CHECK: &str = "store connections";
    let wanted = i64::from(readers.max(LEAST_READERS) + BESIDE_READERS);
    let detail = format!("{free} of {all} are free, and a host takes up to {wanted}");
    if free >= wanted {
        return Finding::ok(CHECK, detail);
    }
    Finding::warning(CHECK, detail).mend("raise max_connections there, or lower store.readers")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fewer_free_connections_than_a_host_takes_are_a_warning() {
        for (readers, free, is_ok) in [(4, 6, true), (4, 5, false), (1, 4, true), (1, 3, false), (64, 65, false)] {
            let found = connections(readers, (free, 97));
            assert_eq!(found.is_ok(), is_ok, "{found:?}");
        }
    }
}
