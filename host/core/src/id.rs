//! Ids are types, never bare strings.

/// Declare a string id type.
macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub String);

        impl $name {
            /// The id as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self(text.to_owned())
            }
        }

        impl From<String> for $name {
            fn from(text: String) -> Self {
                Self(text)
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }
    )*};
}

ids! {
    /// A configured plugin.
    ConnectionId,
    /// An accepted delivery; not the upstream's delivery id, which is only unique within a connection.
    DeliveryId,
    /// One attempt of one pipeline run.
    RunId,
    /// A job of a run.
    JobId,
    /// A deployment.
    DeploymentId,
    /// A change (pull or merge request).
    ChangeId,
    /// The name of a plugin: "github".
    PluginId,
    /// One call of a plugin.
    CallId,
    /// A key of a program.
    ApiKeyId,
    /// Somebody with an account.
    PersonId,
    /// An invitation to have one.
    InvitationId,
}
