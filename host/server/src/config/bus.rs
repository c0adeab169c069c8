//! `[bus]`

use opssight_distribution::is_this_machine;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;
use url::Url;

/// Events beyond this host. The log in the store is the truth; Kafka is where it is handed on to, and where deliveries
/// may come from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct BusConfig {
    /// Brokers to begin with: `kafka://host:9092,other:9092`. Without it, events stay in this host.
    pub url: Option<String>,
    /// Whether events are handed on. Without, only `inlets` are used.
    pub publish: bool,
    /// The topic that events are handed on to.
    pub topic: String,
    /// Whether topics that are not there are made.
    pub create_topics: bool,
    /// Partitions of topics that are made.
    pub partitions: u16,
    /// Brokers that keep a copy each of topics that are made; without a number, as the cluster has it.
    pub replicas: Option<u16>,
    /// What stands in front of a CloudEvent's `source`, where several installations share a topic: `https://ops.example.com`.
    pub origin: Option<String>,
    /// Which events a first start hands on: all that are kept, or what happens from then on.
    pub start: RelayStart,
    /// Whether to speak TLS.
    pub tls: bool,
    /// Certificates of the authorities to trust, PEM; without it, the system's.
    pub ca_file: Option<PathBuf>,
    /// How to sign in.
    pub sasl: Option<Sasl>,
    /// The name to sign in with.
    pub username: Option<String>,
    /// The password; better in `password_file` or in `OPSSIGHT_BUS__PASSWORD`.
    pub password: Option<Password>,
    /// A file with the password.
    pub password_file: Option<PathBuf>,
    /// How long to wait for an answer, seconds.
    pub timeout_secs: u32,
    /// Topics whose messages are deliveries.
    pub inlets: Vec<InletConfig>,
}

/// Which events a first start hands on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum RelayStart {
    /// All that are kept.
    Oldest,
    /// What happens from then on.
    Newest,
}

/// How to sign in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Sasl {
    /// Name and password as they are: with TLS, or on this machine.
    Plain,
    /// SCRAM-SHA-256.
    #[serde(rename = "scram-sha-256")]
    ScramSha256,
    /// SCRAM-SHA-512.
    #[serde(rename = "scram-sha-512")]
    ScramSha512,
}

impl Sasl {
    /// As the protocol calls it.
    pub fn mechanism(self) -> &'static str {
        match self {
            Self::Plain => "PLAIN",
            Self::ScramSha256 => "SCRAM-SHA-256",
            Self::ScramSha512 => "SCRAM-SHA-512",
        }
    }
}

/// A topic whose messages are deliveries. What cannot be taken goes to `<topic>.dlq`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct InletConfig {
    /// The topic.
    pub topic: String,
    /// The id of the connection whose deliveries these are.
    pub connection: String,
    /// The group of consumers [default: `opssight.<topic>`]. A new one begins anew, at `start`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// Where a group begins that has no place in the topic yet: `oldest`, `newest`, `offset:1234`, or a time,
    /// `2026-01-31T12:00:00Z`.
    #[serde(default = "oldest")]
    pub start: String,
}

fn oldest() -> String {
    "oldest".to_owned()
}

/// Where an inlet begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum From {
    /// With the oldest message that is kept.
    Oldest,
    /// With what comes from then on.
    Newest,
    /// With this offset.
    Offset(i64),
    /// With this time, milliseconds.
    Since(i64),
}

impl InletConfig {
    /// Its group.
    pub fn group(&self) -> String {
        self.group.clone().unwrap_or_else(|| format!("opssight.{}", self.topic))
    }

    /// Where it begins, if that can be understood.
    pub fn from(&self) -> Option<From> {
        match self.start.as_str() {
            "oldest" => Some(From::Oldest),
            "newest" => Some(From::Newest),
            other => match other.strip_prefix("offset:") {
                Some(offset) => offset.parse().ok().filter(|offset| *offset >= 0).map(From::Offset),
                None => chrono::DateTime::parse_from_rfc3339(other).ok().map(|at| From::Since(at.timestamp_millis())),
            },
        }
    }
}

/// A password, which is shown to nobody.
#[derive(Clone, PartialEq, Eq, Deserialize, schemars::JsonSchema)]
#[serde(transparent)]
pub struct Password(String);

impl Password {
    /// As it was given.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Password {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("***")
    }
}

impl Serialize for Password {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str("***")
    }
}

impl Default for BusConfig {
    fn default() -> Self {
        Self {
            url: None,
            publish: true,
            topic: "opssight.events".to_owned(),
            create_topics: true,
            partitions: 6,
            replicas: None,
            origin: None,
            start: RelayStart::Oldest,
            tls: false,
            ca_file: None,
            sasl: None,
            username: None,
            password: None,
            password_file: None,
            timeout_secs: 10,
            inlets: Vec::new(),
        }
    }
}

impl BusConfig {
    /// `host:9092,other:9092`, if that is what the address says.
    pub fn brokers(&self) -> Option<String> {
        let brokers = self.url.as_deref()?.strip_prefix("kafka://")?.trim_end_matches('/');
        let is_broker = |broker: &str| {
            broker.rsplit_once(':').is_some_and(|(host, port)| {
                let host_is_fine = !host.is_empty() && !host.contains(['@', '/', ' ', '?']);
                host_is_fine && port.parse::<u16>().is_ok_and(|port| port > 0)
            })
        };
        brokers.split(',').all(is_broker).then(|| brokers.to_owned())
    }

    pub(super) fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        let mut rule = |holds: bool, problem: &str| {
            if !holds {
                problems.push(format!("bus.{problem}"));
            }
        };
        if self.url.is_none() {
            rule(self.inlets.is_empty(), "inlets: bus.url must say where Kafka is");
            return problems;
        }
        rule(
            cfg!(feature = "kafka"),
            "url: this opssight was built without Kafka; build it with `cargo build --workspace --features \
             opssight-server/kafka --bin opssight`, or use a released image",
        );
        rule(
            self.brokers().is_some(),
            "url: must look like kafka://host:9092,other:9092; a name and a password go into bus.username and \
             bus.password",
        );
        rule(is_topic(&self.topic), "topic: must be 1 to 249 letters, digits, dots, dashes and underscores");
        rule((1..=1000).contains(&self.partitions), "partitions: must be 1 to 1000");
        rule(self.replicas.is_none_or(|count| (1..=100).contains(&count)), "replicas: must be 1 to 100");
        rule((1..=300).contains(&self.timeout_secs), "timeout_secs: must be 1 to 300");
        rule(self.tls || self.ca_file.is_none(), "ca_file: is of no use without bus.tls = true");
        let passwords = u8::from(self.password.is_some()) + u8::from(self.password_file.is_some());
        match self.sasl {
            Some(_) => rule(
                self.username.is_some() && passwords == 1,
                "sasl: needs bus.username and one of bus.password and bus.password_file",
            ),
            None => rule(
                self.username.is_none() && passwords == 0,
                "username: say how to sign in: bus.sasl = \"plain\", \"scram-sha-256\" or \"scram-sha-512\"",
            ),
        }
        rule(
            self.sasl != Some(Sasl::Plain) || self.tls || self.stays_here(),
            "sasl: plain sends the password as it is; set bus.tls = true, or use scram-sha-256 or scram-sha-512",
        );
        problems.extend(self.inlet_problems());
        problems
    }

    /// Whether all brokers are on this machine, so that nobody else sees what is sent to them.
    fn stays_here(&self) -> bool {
        let is_here = |broker: &str| Url::parse(&format!("http://{broker}")).is_ok_and(|url| is_this_machine(&url));
        self.brokers().is_some_and(|brokers| brokers.split(',').all(is_here))
    }

    fn inlet_problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        for (n, inlet) in self.inlets.iter().enumerate() {
            let mut rule = |holds: bool, problem: &str| {
                if !holds {
                    problems.push(format!("bus.inlets, number {}: {problem}", n + 1));
                }
            };
            rule(is_topic(&inlet.topic) && inlet.topic.len() <= 245, "topic: must be the name of a topic");
            rule(!self.publish || inlet.topic != self.topic, "topic: events of this host would come back to it");
            rule(
                !inlet.connection.is_empty(),
                "connection: must be the id of a connection, as `opssight connections list` shows it",
            );
            rule(inlet.from().is_some(), "start: must be oldest, newest, offset:1234 or a time, 2026-01-31T12:00:00Z");
            let is_own = |other: &InletConfig| other.topic != inlet.topic || other.group() != inlet.group();
            let earlier = self.inlets.get(..n).unwrap_or_default();
            rule(earlier.iter().all(is_own), "group: another inlet has the same topic and group");
        }
        problems
    }
}

fn is_topic(name: &str) -> bool {
    let is_fine = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    (1..=249).contains(&name.len()) && name.chars().all(is_fine) && !matches!(name, "." | "..")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(text: &str) -> Vec<String> {
        toml::from_str::<BusConfig>(text).unwrap().problems()
    }

    #[test]
    fn what_cannot_work_is_said_before_anything_starts() {
        // (configuration, what is said of it)
        let table = [
            ("", None),
            ("[[inlets]]\ntopic = \"a\"\nconnection = \"c\"", Some("bus.url must say")),
            ("url = \"kafka://h\"", Some("must look like")),
            ("url = \"kafka://u:p@h:1\"", Some("must look like")),
            ("url = \"redis://h:1\"", Some("must look like")),
            ("url = \"kafka://h:1\"\ntopic = \"a b\"", Some("bus.topic")),
            ("url = \"kafka://h:1\"\nsasl = \"plain\"\nusername = \"u\"", Some("one of bus.password")),
            ("url = \"kafka://h:1\"\nusername = \"u\"", Some("say how to sign in")),
            (
                "url = \"kafka://127.0.0.1:1,h:1\"\nsasl = \"plain\"\nusername = \"u\"\npassword = \"p\"",
                Some("plain sends the password as it is"),
            ),
            ("url = \"kafka://h:1\"\nca_file = \"x\"", Some("bus.tls")),
            (
                "url = \"kafka://h:1\"\n[[inlets]]\ntopic = \"opssight.events\"\nconnection = \"c\"",
                Some("come back to it"),
            ),
            (
                "url = \"kafka://h:1\"\n[[inlets]]\ntopic = \"a\"\nconnection = \"c\"\nstart = \"soon\"",
                Some("start: must be"),
            ),
        ];
        for (text, said) in table {
            let found = problems(text);
            match said {
                None => assert!(found.is_empty(), "{text}: {found:?}"),
                Some(said) => assert!(found.iter().any(|problem| problem.contains(said)), "{text}: {found:?}"),
            }
        }
        let good = "url = \"kafka://h:1,i:2\"\nsasl = \"scram-sha-512\"\nusername = \"u\"\npassword = \"p\"";
        let says_how_to_build = |problem: &String| problem.contains("--features opssight-server/kafka");
        let plain = |rest: &str| format!("sasl = \"plain\"\nusername = \"u\"\npassword = \"p\"\n{rest}");
        let secured = plain("url = \"kafka://h:1\"\ntls = true");
        let here = plain("url = \"kafka://127.0.0.1:1,localhost:2\"");
        for good in [good, &secured, &here] {
            let found = problems(good);
            assert_eq!(found.iter().any(says_how_to_build), cfg!(not(feature = "kafka")), "{found:?}");
            assert_eq!(found.len(), usize::from(cfg!(not(feature = "kafka"))), "{found:?}");
        }
    }

    #[test]
    fn a_password_is_shown_to_nobody() {
        let config: BusConfig = toml::from_str("password = \"s3cret\"").unwrap();
        let shown = format!("{config:?} {}", toml::to_string_pretty(&config).unwrap());
        assert!(!shown.contains("s3cret") && shown.contains("***"), "{shown}");
    }

    #[test]
    fn an_inlet_begins_where_it_is_told() {
        for (start, from) in [
            ("oldest", Some(From::Oldest)),
            ("newest", Some(From::Newest)),
            ("offset:12", Some(From::Offset(12))),
            ("offset:-1", None),
            ("2026-01-01T00:00:00Z", Some(From::Since(1_767_225_600_000))),
            ("yesterday", None),
        ] {
            let inlet = InletConfig { topic: "t".into(), connection: "c".into(), group: None, start: start.to_owned() };
            assert_eq!(inlet.from(), from, "{start}");
        }
    }
}
