//! What is posted.

use opssight_plugin::{Notification, time};
use serde::Serialize;
use std::collections::BTreeMap;

/// The envelope of Standard Webhooks: what happened, when, and about what.
#[derive(Debug, Serialize)]
pub(crate) struct Message<'a> {
    r#type: &'static str,
    timestamp: String,
    data: Data<'a>,
}

#[derive(Debug, Default, Serialize)]
struct Data<'a> {
    #[serde(skip_serializing_if = "str::is_empty")]
    id: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    title: &'a str,
    /// Markdown.
    #[serde(skip_serializing_if = "str::is_empty")]
    body: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    severity: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<&'a str>,
    #[serde(skip_serializing_if = "str::is_empty")]
    group_key: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    target: &'a str,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    facts: BTreeMap<&'a str, &'a str>,
}

/// A notification for a target, which may be empty.
pub(crate) fn of<'a>(notification: &'a Notification, target: &'a str) -> Message<'a> {
    Message {
        r#type: if notification.resolved { "notification.resolved" } else { "notification.firing" },
        timestamp: time::format(notification.at),
        data: Data {
            id: &notification.id,
            title: &notification.title,
            body: &notification.body_md,
            severity: notification.severity_name(),
            url: notification.url.as_deref(),
            group_key: &notification.group_key,
            target,
            facts: notification.attrs.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect(),
        },
    }
}

/// Nothing but a sign of life.
pub(crate) fn ping(now: i64) -> Message<'static> {
    Message { r#type: "ping", timestamp: time::format(now), data: Data::default() }
}
