//! How the host signs in on behalf of a plugin. Secrets are read here, put on a vetted request, and forgotten; no
//! path leads from here into a sandbox.

mod jwt;
mod secrets;
mod tokens;

pub(crate) use secrets::Secrets;
pub(crate) use tokens::Tokens;

use crate::context::CallContext;
use crate::egress::{Account, Refusal};
use http::HeaderValue;
use opssight_core::plugins::manifest::CredentialScheme;
use opssight_core::plugins::{Credential, Credentials};

/// What goes into the `Authorization` header.
pub(crate) struct Signed {
    pub(crate) header: HeaderValue,
    /// It was bought with a key, and can be bought anew when the upstream no longer takes it.
    pub(crate) minted: bool,
}

/// Sign in with the credential of this name. None when the connection works without it.
pub(crate) async fn authorization(
    call: &CallContext,
    account: &Account,
    name: &str,
) -> Result<Option<Signed>, Refusal> {
    let spec = call.plugin.manifest.credential(name).ok_or_else(|| Refusal::NoCredential(name.to_owned()))?;
    let Some(credential) = credentials(call).await?.get(name) else {
        return if spec.optional { Ok(None) } else { Err(Refusal::NoCredential(name.to_owned())) };
    };
    let scheme = spec.schemes.iter().find(|scheme| scheme.name() == credential.scheme);
    let scheme = scheme.ok_or_else(|| unusable(name, "the plugin does not know its scheme"))?;
    keep_secret(call, scheme, credential);
    let (token, minted) = match scheme {
        CredentialScheme::Bearer { .. } => {
            let token = credential.inputs.get("token").map(|token| token.trim()).filter(|token| !token.is_empty());
            (token.ok_or_else(|| unusable(name, "it holds no token"))?.to_owned(), false)
        }
        CredentialScheme::JwtBearer { .. } => (jwt::token(call, account, name, scheme, credential).await?, true),
        CredentialScheme::HmacSha256 { .. } => {
            return Err(unusable(name, "it verifies deliveries and signs no requests"));
        }
    };
    call.secrets.add(&token);
    Ok(Some(Signed { header: bearer(name, &token)?, minted }))
}

/// `Authorization: Bearer ...`, marked so that nothing prints it.
fn bearer(name: &str, token: &str) -> Result<HeaderValue, Refusal> {
    let mut header = HeaderValue::from_str(&format!("Bearer {token}"))
        .map_err(|_| unusable(name, "it holds characters that no header can carry"))?;
    header.set_sensitive(true);
    Ok(header)
}

/// Read once per call.
pub(crate) async fn credentials(call: &CallContext) -> Result<&Credentials, Refusal> {
    let read = || async {
        call.services.credentials.credentials(&call.target.connection).await.map_err(|error| {
            tracing::error!(connection.id = call.target.connection.as_str(), error = %error, source = ?error.source, "cannot read credentials");
            Refusal::Host("the host cannot read the connection's credentials")
        })
    };
    call.credentials.get_or_try_init(read).await
}

fn keep_secret(call: &CallContext, scheme: &CredentialScheme, credential: &Credential) {
    for input in scheme.inputs().iter().filter(|input| input.secret) {
        if let Some(value) = credential.inputs.get(&input.name) {
            call.secrets.add(value.trim());
        }
    }
}

fn unusable(name: &str, why: &str) -> Refusal {
    Refusal::BadCredential { name: name.to_owned(), why: why.to_owned() }
}
