//! Kafka at the edge of the house, if it was built in and is configured.

use crate::config::{Config, Role};
use crate::worker::Line;
use opssight_backends::Store;
use opssight_core::events::Bus;
use opssight_core::hooks::Hooks;
use std::sync::Arc;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// What the edge is joined to.
pub(crate) struct Joints<'a> {
    pub(crate) config: &'a Config,
    pub(crate) store: &'a Arc<Store>,
    pub(crate) bus: &'a Arc<dyn Bus>,
    pub(crate) hooks: &'a Hooks,
}

/// The name of Kafka's relay in the store.
pub(crate) const KAFKA: &str = "kafka";

/// Whether events go on to Kafka.
pub(crate) fn publishes(config: &Config) -> bool {
    config.bus.url.is_some() && config.bus.publish
}

/// Start what goes out and what comes in; the lines that it goes over.
#[cfg(not(feature = "kafka"))]
pub(crate) fn start(_: &Joints, _: &mut JoinSet<()>, _: &CancellationToken) -> anyhow::Result<Vec<Line>> {
    // A configuration that asks for it was refused.
    Ok(Vec::new())
}

/// Start what goes out and what comes in; the lines that it goes over.
#[cfg(feature = "kafka")]
pub(crate) fn start(joints: &Joints, workers: &mut JoinSet<()>, stop: &CancellationToken) -> anyhow::Result<Vec<Line>> {
    use crate::config::RelayStart;
    use crate::worker;
    use opssight_backends::Link;
    use opssight_backends::kafka::{InletOptions, KafkaInlet, KafkaSink};
    use opssight_core::events::{Relay, Start};

    let config = &joints.config.bus;
    let Some(options) = options::cluster(config)? else { return Ok(Vec::new()) };
    let roles = &joints.config.server.roles;
    let mut lines = Vec::new();
    if config.publish && roles.has(Role::Worker) {
        let link = Arc::new(Link::new(format!("events to {}", config.topic)));
        let relay = Relay {
            name: KAFKA.to_owned(),
            log: joints.store.clone(),
            relays: joints.store.clone(),
            sink: Arc::new(KafkaSink::new(
                options.clone(),
                options::topic(config, &config.topic),
                config.origin.clone().unwrap_or_default(),
            )),
            start: match config.start {
                RelayStart::Oldest => Start::Oldest,
                RelayStart::Newest => Start::Newest,
            },
        };
        let line = Line { link: Arc::clone(&link), relay: Some(relay.clone()) };
        workers.spawn(worker::relay_events(relay, Arc::clone(joints.bus), link, stop.clone()));
        lines.push(line);
    }
    for inlet in config.inlets.iter().filter(|_| roles.has(Role::Ingest)) {
        let link = Arc::new(Link::new(format!("deliveries from {}", inlet.topic)));
        let of = InletOptions {
            topic: options::topic(config, &inlet.topic),
            group: inlet.group(),
            connection: inlet.connection.as_str().into(),
            body_limit: joints.config.hooks.body_limit,
            start: options::start(inlet),
        };
        let inlet = KafkaInlet::new(options.clone(), of, joints.hooks.clone(), Arc::clone(&link));
        workers.spawn(inlet.run(stop.clone()));
        lines.push(Line { link, relay: None });
    }
    Ok(lines)
}

/// How the cluster is reached, if there is one.
#[cfg(feature = "kafka")]
pub(crate) use options::cluster;

/// Every topic that is used.
#[cfg(feature = "kafka")]
pub(crate) fn topics(config: &crate::config::BusConfig) -> Vec<opssight_backends::kafka::KafkaTopic> {
    let outgoing = config.publish.then(|| options::topic(config, &config.topic));
    let incoming = config.inlets.iter().flat_map(|inlet| {
        let topic = options::topic(config, &inlet.topic);
        let dead_letters = topic.dead_letters();
        [topic, dead_letters]
    });
    outgoing.into_iter().chain(incoming).collect()
}

#[cfg(feature = "kafka")]
mod options {
    use crate::config::{BusConfig, From, InletConfig};
    use anyhow::Context;
    use opssight_backends::SecretText;
    use opssight_backends::kafka::{InletStart, KafkaLogin, KafkaOptions, KafkaTls, KafkaTopic};
    use std::time::Duration;

    pub(crate) fn cluster(config: &BusConfig) -> anyhow::Result<Option<KafkaOptions>> {
        let Some(brokers) = config.brokers() else { return Ok(None) };
        let login = match (config.sasl, &config.username) {
            (Some(sasl), Some(username)) => Some(KafkaLogin {
                mechanism: sasl.mechanism(),
                username: username.clone(),
                password: password(config)?,
            }),
            _ => None,
        };
        Ok(Some(KafkaOptions {
            brokers,
            tls: config.tls.then(|| KafkaTls { ca_file: config.ca_file.clone() }),
            login,
            patience: Duration::from_secs(u64::from(config.timeout_secs)),
        }))
    }

    fn password(config: &BusConfig) -> anyhow::Result<SecretText> {
        match (&config.password, &config.password_file) {
            (Some(password), _) => Ok(password.expose().to_owned().into()),
            (None, Some(file)) => {
                let text = std::fs::read_to_string(file)
                    .with_context(|| format!("read bus.password_file {}", file.display()))?;
                Ok(text.trim_end_matches(['\r', '\n']).to_owned().into())
            }
            (None, None) => Ok(String::new().into()),
        }
    }

    pub(super) fn topic(config: &BusConfig, name: &str) -> KafkaTopic {
        KafkaTopic {
            name: name.to_owned(),
            create: config.create_topics,
            partitions: i32::from(config.partitions),
            replicas: config.replicas.map(i32::from),
        }
    }

    pub(super) fn start(inlet: &InletConfig) -> InletStart {
        match inlet.from() {
            Some(From::Newest) => InletStart::Newest,
            Some(From::Offset(offset)) => InletStart::Offset(offset),
            Some(From::Since(millis)) => InletStart::Since(millis),
            Some(From::Oldest) | None => InletStart::Oldest,
        }
    }
}
