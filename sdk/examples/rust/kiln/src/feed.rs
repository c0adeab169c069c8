//! The feed of builds, page by page.

use crate::build::Build;
use crate::client;
use opssight_plugin::{Batch, Failure, PageRequest, http, log, state};
use serde::{Deserialize, Serialize};

const KEY: &str = "etag";

/// The ETag of the first page after a checkpoint: an unchanged feed costs the server nothing.
#[derive(Serialize, Deserialize)]
struct Seen {
    after: String,
    etag: String,
}

#[derive(Deserialize)]
struct Page {
    builds: Vec<Build>,
    next: Option<String>,
}

pub(crate) fn builds(checkpoint: Option<&str>, page: &PageRequest) -> Result<Batch, Failure> {
    let after = checkpoint.unwrap_or("0");
    let mut path = format!("/builds?after={}&limit={}", http::encode(after), page.limit);
    if let Some(cursor) = &page.cursor {
        path.push_str(&format!("&page={}", http::encode(cursor)));
    }
    let mut request = client::get(&path)?;
    if page.cursor.is_none()
        && let Some(seen) = state::get::<Seen>(KEY)?
        && seen.after == after
    {
        request = request.header("if-none-match", seen.etag);
    }
    let answer = client::ask(request)?;
    let here = checkpoint.map(str::to_owned);
    if answer.status == 304 {
        return Ok(Batch { items: Vec::new(), next: None, checkpoint: here });
    }
    let Page { builds, next } = answer.json()?;
    if page.cursor.is_none()
        && let Some(etag) = answer.header("etag")
    {
        // Kept only if the call succeeds, in the transaction that stores the items.
        state::set(KEY, &Seen { after: after.to_owned(), etag: etag.to_owned() })?;
    }
    log::info(&format!("{} builds after {after}", builds.len()), &[]);
    // The checkpoint moves only with the last page: until then `after` must stay what it was.
    let last = builds.last().map(|build| build.id.to_string());
    let checkpoint = if next.is_some() { None } else { last.or(here) };
    Ok(Batch { items: builds.into_iter().map(Build::item).collect::<Result<_, _>>()?, next, checkpoint })
}
