//! Coming in: connect, sign in, see that it is a Redis that can do what is needed.
//!
//! The handshake is our own, because the library's does not tell a wrong password from a server that is full.

use super::fault::Fault;
use super::{RedisError, RedisOptions, scripts};
use ::redis::aio::MultiplexedConnection;
use ::redis::{AsyncConnectionConfig, Client, ConnectionInfo, FromRedisValue, IntoConnectionInfo, RedisConnectionInfo};
use ::redis::{TlsCertificates, Value, cmd};
use std::collections::HashMap;
use std::time::Duration;

/// The oldest that is supported.
const OLDEST: u32 = 6;
/// How long all of it may take.
const COMING_IN: Duration = Duration::from_secs(2);

/// How to come in.
pub(super) struct Door {
    client: Client,
    user: Option<String>,
    password: Option<String>,
    db: i64,
    probe: String,
    at: String,
}

/// A connection, and what answers there.
pub(super) struct Came {
    pub(super) redis: MultiplexedConnection,
    pub(super) version: String,
}

impl Door {
    pub(super) fn new(options: &RedisOptions) -> Result<Self, RedisError> {
        let info = options.address.as_str().into_connection_info().map_err(|_| RedisError::Address)?;
        let told = info.redis_settings().clone();
        let user = told.username().map(str::to_owned);
        let at = format!("{}/{} as {}", info.addr(), told.db(), user.as_deref().unwrap_or("default"));
        let info: ConnectionInfo = info.set_redis_settings(RedisConnectionInfo::default().set_skip_set_lib_name());
        let client = match &options.ca_pem {
            Some(pem) => {
                let roots = TlsCertificates { client_tls: None, root_cert: Some(pem.clone()) };
                Client::build_with_tls(info, roots).map_err(|_| RedisError::Certificates)?
            }
            None => Client::open(info).map_err(|_| RedisError::Address)?,
        };
        let password = told.password().map(str::to_owned);
        Ok(Self { client, user, password, db: told.db(), probe: format!("{}:probe", options.prefix), at })
    }

    /// Host, port, database and user.
    pub(super) fn at(&self) -> &str {
        &self.at
    }

    pub(super) async fn come_in(&self) -> Result<Came, Fault> {
        match tokio::time::timeout(COMING_IN, self.handshake()).await {
            Ok(came) => came,
            Err(_) => Err(Fault::Away(format!("it does not answer within {} s", COMING_IN.as_secs()))),
        }
    }

    async fn handshake(&self) -> Result<Came, Fault> {
        // Whoever uses the connection has a time limit of his own.
        let config = AsyncConnectionConfig::new().set_connection_timeout(None).set_response_timeout(None);
        let mut redis = self
            .client
            .get_multiplexed_async_connection_with_config(&config)
            .await
            .map_err(|error| Fault::from(&error))?;
        if let Some(password) = &self.password {
            let mut auth = cmd("AUTH");
            if let Some(user) = &self.user {
                auth.arg(user);
            }
            auth.arg(password).query_async::<()>(&mut redis).await.map_err(|error| older(&error))?;
        }
        let hello: HashMap<String, Value> =
            cmd("HELLO").query_async(&mut redis).await.map_err(|error| older(&error))?;
        let version =
            hello.get("version").and_then(|version| String::from_redis_value_ref(version).ok()).unwrap_or_default();
        if version.split('.').next().and_then(|major| major.parse().ok()).is_some_and(|major: u32| major < OLDEST) {
            return Err(too_old(&format!("it is version {version}")));
        }
        if self.db != 0 {
            let select = cmd("SELECT").arg(self.db).query_async::<()>(&mut redis).await;
            select.map_err(|error| match error.code() {
                Some("ERR") => Fault::Wrong(format!("it has no database {}; correct the end of cache.url", self.db)),
                _ => Fault::from(&error),
            })?;
        }
        self.probe(&mut redis).await?;
        Ok(Came { redis, version })
    }

    /// Whether it does what is asked of it: one that answers a ping may still refuse to write.
    pub(super) async fn probe(&self, redis: &mut MultiplexedConnection) -> Result<(), Fault> {
        let mut take = scripts::TAKE.key(&self.probe);
        let took = take.arg(1_000_000).arg(1_000_000).invoke_async::<u64>(redis).await;
        took.map(|_| ()).map_err(|error| Fault::from(&error))
    }
}

/// Before version 6 there was no HELLO, and AUTH took no user.
fn older(error: &::redis::RedisError) -> Fault {
    let detail = error.detail().unwrap_or_default().to_lowercase();
    if error.code() == Some("ERR")
        && (detail.contains("unknown command") || detail.contains("wrong number of arguments"))
    {
        return too_old("it does not know the commands of version 6");
    }
    Fault::from(error)
}

fn too_old(how: &str) -> Fault {
    Fault::Wrong(format!("{how}; OpsSight needs Redis {OLDEST} or later"))
}
