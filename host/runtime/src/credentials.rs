//! How the host signs in on behalf of a plugin. Secrets are read here, put on a vetted request, and forgotten; no
//! path leads from here into a sandbox.

mod exchange;
mod jwt;
mod lines;
mod oauth;
mod secrets;
mod sigv4;
mod tokens;

pub use secrets::SHORTEST_SECRET;
pub(crate) use secrets::Secrets;
pub(crate) use tokens::Tokens;

use crate::context::CallContext;
use crate::egress::template::{Use, expand};
use crate::egress::{Account, Outgoing, Refusal};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderName, HeaderValue, header};
use opssight_core::plugins::manifest::CredentialScheme;
use opssight_core::plugins::{Credentials, SecretUnavailable};
use std::collections::BTreeMap;
use url::Url;

/// What the operator filled in, trimmed. An optional input that was left empty is here and empty; one that is needed
/// and missing is not here.
pub(crate) type Inputs = BTreeMap<String, String>;

/// The credential that a rule wants, in the way that the operator chose to give it.
pub(crate) struct Chosen<'c> {
    name: &'c str,
    scheme: &'c CredentialScheme,
    pub(crate) inputs: Inputs,
}

/// Find the credential of this name. None when the connection works without it.
pub(crate) async fn choose<'c>(call: &'c CallContext, name: &'c str) -> Result<Option<Chosen<'c>>, Refusal> {
    let spec = call.plugin.manifest.credential(name).ok_or_else(|| Refusal::NoCredential(name.to_owned()))?;
    let Some(credential) = credentials(call).await?.get(name) else {
        return if spec.optional { Ok(None) } else { Err(Refusal::NoCredential(name.to_owned())) };
    };
    let scheme = spec.schemes.iter().find(|scheme| scheme.name() == credential.scheme);
    let scheme = scheme.ok_or_else(|| unusable(name, "the plugin does not know its scheme"))?;
    let mut inputs = Inputs::new();
    for input in scheme.inputs() {
        let value = credential.inputs.get(&input.name).map_or("", |value| value.trim());
        if input.secret {
            call.secrets.add(value);
        }
        if input.optional || !value.is_empty() {
            inputs.insert(input.name.clone(), value.to_owned());
        }
    }
    Ok(Some(Chosen { name, scheme, inputs }))
}

/// Put the credential on a request that passed the gate and is otherwise as it will be sent. What the guest wrote in
/// its place is gone. The answer names the token that was bought for it, if one was: when the upstream no longer takes
/// it, another one can be bought.
pub(crate) async fn sign(
    call: &CallContext,
    account: &Account,
    chosen: &Chosen<'_>,
    url: &mut Url,
    outgoing: &mut Outgoing,
) -> Result<Option<String>, Refusal> {
    match chosen.scheme {
        CredentialScheme::Bearer { .. } => {
            let token = chosen.inputs.get("token").ok_or_else(|| chosen.unusable("it holds no token"))?;
            outgoing.headers.insert(header::AUTHORIZATION, bearer(chosen.name, token)?);
        }
        CredentialScheme::Basic { username, password, .. } => {
            let (username, password) = (chosen.text(call, username)?, chosen.text(call, password)?);
            outgoing.headers.insert(header::AUTHORIZATION, basic(call, chosen.name, &username, &password)?);
        }
        CredentialScheme::Header { header, value, .. } => {
            let name = HeaderName::try_from(header.as_str()).map_err(|_| chosen.unusable("its header has no name"))?;
            let value = chosen.text(call, value)?;
            call.secrets.add(&value);
            outgoing.headers.insert(name, sensitive(chosen.name, &value)?);
        }
        CredentialScheme::Query { parameter, value, .. } => {
            let value = chosen.text(call, value)?;
            call.secrets.add(&value);
            set_parameter(url, parameter, &value);
        }
        CredentialScheme::AwsSigv4(spec) => sigv4::sign(call, chosen, spec, url, outgoing)?,
        CredentialScheme::ClientCredentials(spec) => {
            let (token, key) = oauth::token(call, account, chosen, spec).await?;
            outgoing.headers.insert(header::AUTHORIZATION, bearer(chosen.name, &token)?);
            return Ok(Some(key));
        }
        CredentialScheme::JwtBearer(spec) => {
            let (token, key) = jwt::token(call, account, chosen, spec, url).await?;
            outgoing.headers.insert(header::AUTHORIZATION, bearer(chosen.name, &token)?);
            return Ok(Some(key));
        }
        CredentialScheme::HmacSha256 { .. }
        | CredentialScheme::TokenHeader { .. }
        | CredentialScheme::StandardWebhooks { .. }
        | CredentialScheme::UrlToken { .. } => {
            return Err(chosen.unusable("it verifies deliveries and signs no requests"));
        }
    }
    Ok(None)
}

impl Chosen<'_> {
    fn unusable(&self, why: &str) -> Refusal {
        unusable(self.name, why)
    }

    /// A template of the scheme, as text.
    fn text(&self, call: &CallContext, template: &str) -> Result<String, Refusal> {
        expand(template, Use::Text, &call.target.settings, &self.inputs).map_err(|why| self.unusable(&why))
    }

    /// A template of the scheme, as a URL.
    fn url(&self, call: &CallContext, template: &str) -> Result<Url, Refusal> {
        let url = expand(template, Use::Url, &call.target.settings, &self.inputs).map_err(|why| self.unusable(&why))?;
        Url::parse(&url).map_err(|error| self.unusable(&format!("\"{template}\" does not become a URL: {error}")))
    }

    /// An input that the scheme names.
    fn input(&self, name: &str) -> Result<&str, Refusal> {
        self.inputs.get(name).map(String::as_str).ok_or_else(|| self.unusable(&format!("\"{name}\" is empty")))
    }
}

/// `Authorization: Bearer ...`.
fn bearer(name: &str, token: &str) -> Result<HeaderValue, Refusal> {
    sensitive(name, &format!("Bearer {token}"))
}

/// `Authorization: Basic ...` (RFC 7617). Its encoded form is as good as the password.
fn basic(call: &CallContext, name: &str, username: &str, password: &str) -> Result<HeaderValue, Refusal> {
    if username.contains(':') {
        return Err(unusable(name, "a user name with a colon in it cannot be told from its password"));
    }
    let joined = format!("{username}:{password}");
    let encoded = STANDARD.encode(&joined);
    call.secrets.add(&joined);
    call.secrets.add(&encoded);
    sensitive(name, &format!("Basic {encoded}"))
}

/// A header's value, marked so that nothing prints it.
fn sensitive(name: &str, value: &str) -> Result<HeaderValue, Refusal> {
    let mut value =
        HeaderValue::from_str(value).map_err(|_| unusable(name, "it holds characters that no header can carry"))?;
    value.set_sensitive(true);
    Ok(value)
}

/// The parameter stands in the query once, with our value.
fn set_parameter(url: &mut Url, parameter: &str, value: &str) {
    let others: Vec<(String, String)> = url
        .query_pairs()
        .filter(|(name, _)| name != parameter)
        .map(|(n, v)| (n.into_owned(), v.into_owned()))
        .collect();
    url.query_pairs_mut().clear().extend_pairs(others).append_pair(parameter, value);
}

/// Read once per call.
pub(crate) async fn credentials(call: &CallContext) -> Result<&Credentials, Refusal> {
    let read = || async {
        call.services.credentials.credentials(&call.target.connection).await.map_err(|error| {
            tracing::error!(connection.id = call.target.connection.as_str(), error = %error, source = ?error.source, "cannot read credentials");
            match error.source.downcast::<SecretUnavailable>() {
                Ok(elsewhere) => Refusal::Elsewhere(elsewhere.why),
                Err(_) => Refusal::Host("the host cannot read the connection's credentials"),
            }
        })
    };
    call.credentials.get_or_try_init(read).await
}

fn unusable(name: &str, why: &str) -> Refusal {
    Refusal::BadCredential { name: name.to_owned(), why: why.to_owned() }
}
