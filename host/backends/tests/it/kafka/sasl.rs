//! Asking for a name and a password as a broker does: the requests SaslHandshake and SaslAuthenticate, with PLAIN (RFC
//! 4616) and SCRAM (RFC 5802, RFC 7677).

use aws_lc_rs::{constant_time, digest, hmac, pbkdf2};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use std::num::NonZeroU32;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

const SASL_HANDSHAKE: i16 = 17;
const API_VERSIONS: i16 = 18;
const SASL_AUTHENTICATE: i16 = 36;

const UNSUPPORTED_MECHANISM: i16 = 33;
const AUTHENTICATION_FAILED: i16 = 58;

/// Who may come in, and in which way.
#[derive(Clone)]
pub(crate) struct User {
    pub(crate) mechanism: &'static str,
    pub(crate) name: &'static str,
    pub(crate) password: &'static str,
}

/// Ask until it is known who it is. Only what versions there are is asked of the broker meanwhile.
pub(super) async fn is_known(
    guest: &mut (impl AsyncRead + AsyncWrite + Unpin),
    broker: &mut (impl AsyncRead + AsyncWrite + Unpin),
    users: &[User],
) -> std::io::Result<bool> {
    let mut talk = None;
    loop {
        let asked = frame(guest).await?;
        let (key, version) = (i16::from_be_bytes([asked[0], asked[1]]), asked[3]);
        let mut answer = asked[4..8].to_vec();
        let client_id = usize::from(u16::from_be_bytes([asked[8], asked[9]]));
        let body = &asked[10 + client_id..];
        match key {
            API_VERSIONS => {
                send(broker, &asked).await?;
                answer = frame(broker).await?;
            }
            SASL_HANDSHAKE => {
                let wanted = String::from_utf8_lossy(&body[2..]).into_owned();
                let user = users.iter().find(|user| user.mechanism == wanted);
                answer.extend(if user.is_some() { 0 } else { UNSUPPORTED_MECHANISM }.to_be_bytes());
                answer.extend(i32::try_from(users.len()).expect("few").to_be_bytes());
                users.iter().for_each(|user| text(&mut answer, user.mechanism));
                talk = user.map(|user| Talk { user, first: None });
            }
            SASL_AUTHENTICATE => {
                let said = talk.as_mut().expect("a handshake came first").answer(&body[4..]);
                let (code, why, bytes) = match &said {
                    Some(Said { bytes, .. }) => (0, "", bytes.as_slice()),
                    None => {
                        (AUTHENTICATION_FAILED, "Authentication failed: Invalid username or password", [].as_slice())
                    }
                };
                answer.extend(code.to_be_bytes());
                text(&mut answer, why);
                answer.extend(i32::try_from(bytes.len()).expect("few").to_be_bytes());
                answer.extend(bytes);
                if version > 0 {
                    answer.extend(0_i64.to_be_bytes());
                }
                send(guest, &answer).await?;
                match said {
                    None => return Ok(false),
                    Some(Said { is_known: true, .. }) => return Ok(true),
                    Some(_) => continue,
                }
            }
            // Nothing else is answered to a stranger.
            _ => return Ok(false),
        }
        send(guest, &answer).await?;
    }
}

/// What is said to a client that is not refused.
struct Said {
    bytes: Vec<u8>,
    is_known: bool,
}

/// One user's way in.
struct Talk<'u> {
    user: &'u User,
    /// What was said first in a way that takes two steps: by the client without its header, and to it.
    first: Option<(String, String)>,
}

impl Talk<'_> {
    /// Nothing is said to whom is refused.
    fn answer(&mut self, said: &[u8]) -> Option<Said> {
        let said = std::str::from_utf8(said).ok()?;
        match (self.user.mechanism, self.first.take()) {
            ("PLAIN", _) => {
                let expected = format!("\0{}\0{}", self.user.name, self.user.password);
                (said == expected).then(|| Said { bytes: Vec::new(), is_known: true })
            }
            (_, None) => {
                let bare = said.strip_prefix("n,,")?;
                let nonce = bare.strip_prefix(&format!("n={},r=", self.user.name))?;
                let told = format!("r={nonce}more,s={},i={ROUNDS}", STANDARD.encode(SALT));
                self.first = Some((bare.to_owned(), told.clone()));
                Some(Said { bytes: told.into_bytes(), is_known: false })
            }
            (mechanism, Some((bare, told))) => {
                let (without_proof, proof) = said.rsplit_once(",p=")?;
                let nonce = told.split(',').next()?;
                (without_proof == format!("c=biws,{nonce}")).then_some(())?;
                let hash = Hash::of(mechanism);
                let talk = format!("{bare},{told},{without_proof}");
                let (proven, signature) = hash.prove(self.user.password, talk.as_bytes());
                constant_time::verify_slices_are_equal(&STANDARD.decode(proof).ok()?, &proven).ok()?;
                Some(Said { bytes: format!("v={}", STANDARD.encode(signature)).into_bytes(), is_known: true })
            }
        }
    }
}

const SALT: &[u8] = b"salt of the tests";
const ROUNDS: u32 = 4096;

/// What a SCRAM mechanism is made of.
struct Hash {
    digest: &'static digest::Algorithm,
    hmac: hmac::Algorithm,
    pbkdf2: pbkdf2::Algorithm,
}

impl Hash {
    fn of(mechanism: &str) -> Self {
        match mechanism {
            "SCRAM-SHA-256" => {
                Self { digest: &digest::SHA256, hmac: hmac::HMAC_SHA256, pbkdf2: pbkdf2::PBKDF2_HMAC_SHA256 }
            }
            _ => Self { digest: &digest::SHA512, hmac: hmac::HMAC_SHA512, pbkdf2: pbkdf2::PBKDF2_HMAC_SHA512 },
        }
    }

    /// What a client says that knows the password, and what a server says that knows it.
    fn prove(&self, password: &str, talk: &[u8]) -> (Vec<u8>, Vec<u8>) {
        let mac = |key: &[u8], data: &[u8]| hmac::sign(&hmac::Key::new(self.hmac, key), data).as_ref().to_vec();
        let mut salted = vec![0; self.digest.output_len()];
        let rounds = NonZeroU32::new(ROUNDS).expect("some");
        pbkdf2::derive(self.pbkdf2, rounds, SALT, password.as_bytes(), &mut salted);
        let client_key = mac(&salted, b"Client Key");
        let signature = mac(digest::digest(self.digest, &client_key).as_ref(), talk);
        let proof = client_key.iter().zip(&signature).map(|(key, signature)| key ^ signature).collect();
        (proof, mac(&mac(&salted, b"Server Key"), talk))
    }
}

/// A request or an answer, without its length.
pub(super) async fn frame(from: &mut (impl AsyncRead + Unpin)) -> std::io::Result<Vec<u8>> {
    let length = from.read_u32().await?;
    let mut frame = vec![0; usize::try_from(length).expect("a length")];
    from.read_exact(&mut frame).await?;
    Ok(frame)
}

pub(super) async fn send(to: &mut (impl AsyncWrite + Unpin), frame: &[u8]) -> std::io::Result<()> {
    to.write_all(&[&u32::try_from(frame.len()).expect("a length").to_be_bytes(), frame].concat()).await?;
    to.flush().await
}

fn text(into: &mut Vec<u8>, text: &str) {
    into.extend(i16::try_from(text.len()).expect("short").to_be_bytes());
    into.extend(text.as_bytes());
}
