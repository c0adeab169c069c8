//! Who is signed in, remembered for an hour.

use crate::client;
use opssight_plugin::{Failure, state, time};
use serde::{Deserialize, Serialize};

const HOUR_MS: i64 = 3_600_000;
const KEY: &str = "account";

#[derive(Serialize, Deserialize)]
struct Account {
    login: String,
    at: i64,
}

#[derive(Deserialize)]
struct Me {
    login: String,
}

pub(crate) fn login() -> Result<String, Failure> {
    let now = time::now_ms();
    // A clock that went back is no reason to trust the memory.
    if let Some(known) = state::get::<Account>(KEY)?
        && (0..HOUR_MS).contains(&(now - known.at))
    {
        return Ok(known.login);
    }
    let Me { login } = client::ask(client::get("/me")?)?.json()?;
    state::set(KEY, &Account { login: login.clone(), at: now })?;
    Ok(login)
}
