//! A master key that never leaves Vault: data keys are wrapped and unwrapped there.

use super::{Vault, VaultError, encoded};
use crate::secrets::cipher::{KeyBytes, key_bytes};
use crate::secrets::wrapped::KeyId;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use std::sync::Arc;
use vaultrs::api::transit::requests::{DecryptDataRequest, EncryptDataRequest};
use vaultrs::api::transit::responses::ReadKeyData;
use vaultrs::client::VaultClient;
use vaultrs::transit::{data, key};
use zeroize::Zeroizing;

/// One key of a transit engine.
#[derive(Debug)]
pub(crate) struct TransitKey {
    vault: Arc<Vault>,
    mount: String,
    name: String,
    id: KeyId,
}

impl TransitKey {
    /// Its id is that of its name, so that Vault may move to another address.
    pub(crate) fn new(vault: Arc<Vault>, mount: &str, name: &str) -> Self {
        let id = KeyId::of("transit", format!("{}\0{mount}\0{name}", vault.namespace()).as_bytes());
        Self { vault, mount: mount.to_owned(), name: name.to_owned(), id }
    }

    pub(crate) fn id(&self) -> KeyId {
        self.id
    }

    /// Vault's text for a data key. `aad` is authenticated with it.
    pub(crate) async fn wrap(&self, aad: &str, data_key: &KeyBytes) -> Result<String, VaultError> {
        let plain = encoded(data_key.as_slice());
        let path = format!("{}/encrypt/{}", self.mount, self.name);
        let plain = plain.as_str();
        let ask = |client: Arc<VaultClient>| async move {
            let mut request = EncryptDataRequest::builder();
            request.associated_data(STANDARD.encode(aad));
            data::encrypt(&*client, &self.mount, &self.name, plain, Some(&mut request)).await
        };
        Ok(self.vault.ask(&path, ask).await?.ciphertext)
    }

    /// The data key of Vault's text.
    pub(crate) async fn unwrap(&self, aad: &str, ciphertext: &str) -> Result<KeyBytes, VaultError> {
        let path = format!("{}/decrypt/{}", self.mount, self.name);
        let ask = |client: Arc<VaultClient>| async move {
            let mut request = DecryptDataRequest::builder();
            request.associated_data(STANDARD.encode(aad));
            data::decrypt(&*client, &self.mount, &self.name, ciphertext, Some(&mut request)).await
        };
        let plain = Zeroizing::new(self.vault.ask(&path, ask).await?.plaintext);
        let bytes = STANDARD.decode(plain.as_str()).map(Zeroizing::new).unwrap_or_default();
        key_bytes(&bytes).map_err(|_| VaultError::Refused {
            at: self.vault.at().to_owned(),
            path,
            said: "what it unwrapped is no data key".to_owned(),
        })
    }

    /// The newest of its versions, which new data keys are wrapped by.
    pub(crate) async fn latest(&self) -> Result<u64, VaultError> {
        let path = format!("{}/keys/{}", self.mount, self.name);
        let read = |client: Arc<VaultClient>| async move { key::read(&*client, &self.mount, &self.name).await };
        let versions: Vec<String> = match self.vault.ask(&path, read).await?.keys {
            ReadKeyData::Symmetric(versions) => versions.into_keys().collect(),
            ReadKeyData::Asymmetric(versions) => versions.into_keys().collect(),
        };
        Ok(versions.iter().filter_map(|version| version.parse().ok()).max().unwrap_or(1))
    }

    /// Make a new version.
    pub(crate) async fn rotate(&self) -> Result<(), VaultError> {
        let path = format!("{}/keys/{}/rotate", self.mount, self.name);
        let rotate = |client: Arc<VaultClient>| async move { key::rotate(&*client, &self.mount, &self.name).await };
        self.vault.ask(&path, rotate).await
    }
}
