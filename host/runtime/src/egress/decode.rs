//! Answers that come compressed. They are unpacked here, because a secret that an upstream echoes must be found and
//! because a small answer must not become a large one behind the budget's back.

use super::refusal::Refusal;
use bytes::Bytes;
use flate2::write::MultiGzDecoder;
use http::{HeaderMap, header};
use std::io::{self, Write};

/// So many times its size a compressed answer may become, beyond the first part.
const RATIO: usize = 100;
/// The first part, for which no ratio is looked at: small answers may be very regular.
const UNLOOKED: usize = 1 << 20;

/// Takes a body in pieces and unpacks it.
pub(super) enum Decoder {
    /// It comes as it is.
    Plain(Capped),
    /// It comes in gzip.
    Gzip { gzip: Box<MultiGzDecoder<Capped>>, came: usize },
}

impl Decoder {
    /// For an answer with these headers, which then no longer say how it came.
    pub(super) fn new(headers: &mut HeaderMap, limit: usize) -> Result<Self, Refusal> {
        let mut encodings = headers.get_all(header::CONTENT_ENCODING).iter();
        let (first, more) = (encodings.next(), encodings.next().is_some());
        let first = first.map(|encoding| encoding.as_bytes().trim_ascii().to_ascii_lowercase());
        let decoder = match first.as_deref() {
            _ if more => return Err(unasked()),
            None | Some(b"identity" | b"") => return Ok(Self::Plain(Capped::new(limit))),
            Some(b"gzip" | b"x-gzip") => {
                Self::Gzip { gzip: Box::new(MultiGzDecoder::new(Capped::new(limit))), came: 0 }
            }
            Some(_) => return Err(unasked()),
        };
        headers.remove(header::CONTENT_ENCODING);
        headers.remove(header::CONTENT_LENGTH);
        Ok(decoder)
    }

    /// The next piece.
    pub(super) fn take(&mut self, piece: &[u8]) -> Result<(), Refusal> {
        match self {
            Self::Plain(body) => body.write_all(piece).map_err(|_| body.refused()),
            Self::Gzip { gzip, came } => {
                *came = came.saturating_add(piece.len());
                gzip.get_mut().most = came.saturating_mul(RATIO).max(UNLOOKED);
                gzip.write_all(piece).map_err(|_| gzip.get_ref().refused())
            }
        }
    }

    /// There are no more.
    pub(super) fn finish(self) -> Result<Bytes, Refusal> {
        match self {
            Self::Plain(body) => Ok(body.into_bytes()),
            Self::Gzip { came: 0, .. } => Ok(Bytes::new()),
            Self::Gzip { mut gzip, .. } => match gzip.try_finish() {
                Ok(()) => Ok(std::mem::take(gzip.get_mut()).into_bytes()),
                Err(_) => Err(gzip.get_ref().refused()),
            },
        }
    }
}

fn unasked() -> Refusal {
    Refusal::Broken("the answer is encoded in a way that nobody asked for".to_owned())
}

/// Bytes, up to a limit.
#[derive(Default)]
pub(super) struct Capped {
    bytes: Vec<u8>,
    limit: usize,
    /// What the pieces that came so far may become.
    most: usize,
    full: Option<Full>,
}

#[derive(Clone, Copy)]
enum Full {
    Limit,
    Ratio,
}

impl Capped {
    fn new(limit: usize) -> Self {
        Self { limit, most: usize::MAX, ..Self::default() }
    }

    /// Why nothing more was taken.
    fn refused(&self) -> Refusal {
        match self.full {
            Some(Full::Limit) => Refusal::ResponseTooLarge(self.limit),
            Some(Full::Ratio) => Refusal::Broken(format!("the answer unpacks to more than {RATIO} times its size")),
            None => Refusal::Broken("the answer is not the gzip that it says it is".to_owned()),
        }
    }

    fn into_bytes(self) -> Bytes {
        self.bytes.into()
    }
}

impl Write for Capped {
    fn write(&mut self, piece: &[u8]) -> io::Result<usize> {
        let size = self.bytes.len().saturating_add(piece.len());
        self.full = if size > self.limit {
            Some(Full::Limit)
        } else if size > self.most {
            Some(Full::Ratio)
        } else {
            self.bytes.extend_from_slice(piece);
            return Ok(piece.len());
        };
        Err(io::Error::other("full"))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::{Decoder, Refusal};
    use flate2::Compression;
    use flate2::write::GzEncoder;
    use http::{HeaderMap, HeaderValue};
    use std::io::Write;

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn decode(encoding: &'static str, limit: usize, body: &[u8]) -> Result<Vec<u8>, Refusal> {
        let mut headers = HeaderMap::new();
        headers.insert("content-encoding", HeaderValue::from_static(encoding));
        headers.insert("content-length", HeaderValue::from(body.len()));
        let mut decoder = Decoder::new(&mut headers, limit)?;
        assert_eq!(headers.is_empty(), encoding != "identity");
        for piece in body.chunks(7) {
            decoder.take(piece)?;
        }
        Ok(decoder.finish()?.to_vec())
    }

    #[test]
    fn answers_are_unpacked_or_refused() {
        let text = b"hello hello hello".as_slice();
        assert_eq!(decode("identity", 100, text).unwrap(), text);
        assert_eq!(decode("gzip", 100, &gzip(text)).unwrap(), text);
        assert_eq!(decode("x-gzip", 100, &[gzip(text), gzip(b"!")].concat()).unwrap(), b"hello hello hello!");
        assert_eq!(decode("gzip", 100, b"").unwrap(), b"", "an answer to HEAD");
        let told = |encoding, limit, body: &[u8]| decode(encoding, limit, body).unwrap_err().to_string();
        assert!(told("gzip", 16, &gzip(text)).contains("larger than"));
        assert!(told("identity", 16, text).contains("larger than"));
        assert!(told("gzip", 100, &gzip(text)[..20]).contains("not the gzip"));
        assert!(told("gzip", 100, b"plain").contains("not the gzip"));
        assert!(told("br", 100, text).contains("nobody asked"));
        assert!(told("gzip, gzip", 100, &gzip(text)).contains("nobody asked"));
        assert!(told("gzip", 64 << 20, &gzip(&vec![0; 2 << 20])).contains("100 times"));
    }
}
