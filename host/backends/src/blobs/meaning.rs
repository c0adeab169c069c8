//! What a vendor's refusals mean. Their own words may quote the request, and stay out; their codes are told.

use super::address::Vendor;
use object_store::Error;
use object_store::client::{HttpError, HttpErrorKind};
use opssight_core::blobs::BlobError;
use std::error::Error as Cause;

/// Who is asked, where, and for what.
#[derive(Clone, Copy)]
pub(super) struct Asked<'a> {
    pub(super) vendor: Vendor,
    pub(super) place: &'a str,
    pub(super) doing: &'static str,
}

impl Asked<'_> {
    pub(super) fn away(&self, why: impl Into<String>) -> BlobError {
        BlobError::Away { doing: self.doing, place: self.place.to_owned(), why: why.into() }
    }

    fn no_place(&self, why: impl Into<String>) -> BlobError {
        BlobError::NoPlace { doing: self.doing, place: self.place.to_owned(), why: why.into() }
    }

    fn denied(&self, said: impl Into<String>) -> BlobError {
        let (doing, place, mend) = (self.doing, self.place.to_owned(), self.vendor.mend());
        BlobError::Denied { doing, place, said: said.into(), mend }
    }

    pub(super) fn refused(&self, said: impl Into<String>) -> BlobError {
        BlobError::Refused { doing: self.doing, place: self.place.to_owned(), said: said.into() }
    }

    /// What an error means.
    pub(super) fn meaning(&self, error: &Error) -> BlobError {
        let text = chain(error);
        let code = code(&text);
        let status = status(&text);
        // Whoever asks for one blob has looked at whether it is that one which is not there.
        let is_gone = status == Some(404) && !matches!(code, Some("NoSuchKey" | "NoSuchUpload" | "BlobNotFound"));
        if is_gone || is_no_bucket(code, &text) {
            return self.no_place("there is no such bucket: make it, or correct blobs.url");
        }
        if is_elsewhere(code, &text) {
            let there = between(&text, "<Region>", "</Region>").filter(|region| is_word(region));
            let there = there.map(|region| format!(" {region}")).unwrap_or_default();
            return self.no_place(format!("the bucket is in another region{there}: say so in blobs.url, ?region=..."));
        }
        let is_denied = matches!(error, Error::PermissionDenied { .. } | Error::Unauthenticated { .. });
        if is_denied || matches!(status, Some(401 | 403)) {
            return self
                .denied(code.map(str::to_owned).or(status.map(|status| format!("HTTP {status}"))).unwrap_or_default());
        }
        // Who this machine is was asked of the machine itself, and nobody there knows.
        if ["169.254.", "metadata.google", "token request"].iter().any(|sign| text.contains(sign)) {
            return self.denied("nothing says who asks: no credentials were found");
        }
        if let Some(why) = silence(error) {
            return self.away(why);
        }
        let answer = match (status, code) {
            (Some(status), Some(code)) => format!("it answers HTTP {status}, {code}"),
            (Some(status), None) => format!("it answers HTTP {status}"),
            (None, _) => opssight_core::fact::clean(&innermost(error)),
        };
        match status {
            Some(408 | 429 | 500..) => self.away(answer),
            _ => self.refused(answer),
        }
    }

    /// Whether an error says that there is no such blob, in a place that is there.
    pub(super) fn is_not_found(error: &Error) -> bool {
        matches!(error, Error::NotFound { .. }) && {
            let text = chain(error);
            !is_no_bucket(code(&text), &text)
        }
    }
}

fn is_no_bucket(code: Option<&str>, text: &str) -> bool {
    matches!(code, Some("NoSuchBucket" | "ContainerNotFound")) || text.contains("specified bucket does not exist")
}

fn is_elsewhere(code: Option<&str>, text: &str) -> bool {
    matches!(code, Some("PermanentRedirect" | "TemporaryRedirect" | "AuthorizationHeaderMalformed"))
        || text.contains("incorrectly configured region")
}

/// Why there was no answer, if there was none.
fn silence(error: &Error) -> Option<&'static str> {
    let mut cause: Option<&(dyn Cause + 'static)> = Some(error);
    while let Some(error) = cause {
        if let Some(http) = error.downcast_ref::<HttpError>() {
            return Some(match http.kind() {
                HttpErrorKind::Connect => "nobody answers there, or its certificate is not believed",
                HttpErrorKind::Timeout => "it does not answer in time",
                _ => "the connection broke",
            });
        }
        cause = error.source();
    }
    None
}

fn chain(error: &Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push('\n');
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

fn innermost(error: &Error) -> String {
    let mut innermost: &dyn Cause = error;
    while let Some(cause) = innermost.source() {
        innermost = cause;
    }
    innermost.to_string()
}

/// The code that S3, Azure and Google's XML answers carry.
fn code(text: &str) -> Option<&str> {
    between(text, "<Code>", "</Code>").filter(|code| is_word(code))
}

fn status(text: &str) -> Option<u16> {
    let digits = text.split("status code: ").nth(1)?.get(..3)?;
    digits.parse().ok()
}

fn between<'a>(text: &'a str, begin: &str, end: &str) -> Option<&'a str> {
    Some(text.split_once(begin)?.1.split_once(end)?.0)
}

fn is_word(text: &str) -> bool {
    (1..=64).contains(&text.len()) && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
}
