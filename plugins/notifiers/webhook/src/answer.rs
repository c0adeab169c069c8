//! What the receiver's answers mean: who has to do what before it works.

use opssight_plugin::http::Response;
use opssight_plugin::{Failure, Receipt};
use serde::Deserialize;

/// What a receiver asks for when it says no more than "slow down".
const PATIENCE_SECS: u64 = 60;
const DAY_SECS: u64 = 24 * 60 * 60;

pub(crate) fn read(response: &Response) -> Result<Receipt, Failure> {
    #[derive(Deserialize)]
    struct Taken {
        id: String,
    }
    if !response.is_success() {
        return Err(refusal(response));
    }
    // Receivers need not answer in JSON.
    let id = serde_json::from_slice::<Taken>(&response.body).ok().map(|taken| taken.id);
    Ok(Receipt::new(id).attr("http.status", response.status.to_string()))
}

fn refusal(response: &Response) -> Failure {
    let status = response.status;
    let patience = response.header("retry-after").and_then(|secs| secs.trim().parse::<u64>().ok());
    let patience = patience.map(|secs| secs.min(DAY_SECS) * 1000);
    let failure = match status {
        429 => Failure::rate_limited("webhook.rate-limited", "the receiver asks to slow down; it mends itself")
            .retry_after(patience.unwrap_or(PATIENCE_SECS * 1000)),
        401 | 403 => Failure::auth(
            "webhook.unauthorized",
            format!("the receiver does not accept the token (HTTP {status}): fill in one that it knows"),
        ),
        300..=399 => Failure::config(
            "webhook.moved",
            format!("the receiver is somewhere else (HTTP {status}): set the address that it redirects to"),
        ),
        404 | 410 => Failure::config(
            "webhook.not-there",
            format!("nobody takes notifications at this address (HTTP {status}): mend it in the settings"),
        ),
        408 | 425 | 500..=599 => {
            let failure = Failure::upstream("webhook.unavailable", format!("the receiver failed with HTTP {status}"));
            match patience {
                Some(ms) => failure.retry_after(ms),
                None => failure,
            }
        }
        _ => Failure::unsupported(
            "webhook.refused",
            format!("the receiver does not take this notification (HTTP {status}): look into its log"),
        ),
    };
    failure.attr("http.status", status.to_string())
}

#[cfg(test)]
mod tests {
    use super::read;
    use opssight_plugin::FailureClass::{self, Auth, Config, RateLimited, Unsupported, Upstream};
    use opssight_plugin::http::Response;

    fn answer(status: u16, headers: &[(&str, &str)], body: &str) -> Response {
        let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Response { status, headers, body: body.as_bytes().to_vec() }
    }

    #[test]
    fn every_answer_says_who_must_do_what() {
        let wait = [("retry-after", "7")];
        let cases: [(Response, FailureClass, Option<u64>); 12] = [
            (answer(301, &[("location", "https://else.example")], ""), Config, None),
            (answer(400, &[], ""), Unsupported, None),
            (answer(401, &[], ""), Auth, None),
            (answer(403, &[], ""), Auth, None),
            (answer(404, &[], ""), Config, None),
            (answer(408, &[], ""), Upstream, None),
            (answer(422, &[], ""), Unsupported, None),
            (answer(429, &[], ""), RateLimited, Some(60_000)),
            (answer(429, &wait, ""), RateLimited, Some(7_000)),
            (answer(429, &[("retry-after", "99999999999")], ""), RateLimited, Some(86_400_000)),
            (answer(500, &[], ""), Upstream, None),
            (answer(503, &wait, ""), Upstream, Some(7_000)),
        ];
        for (response, class, wait) in cases {
            let failure = read(&response).unwrap_err();
            assert_eq!((failure.class, failure.retry_after_ms), (class, wait), "{}", response.status);
        }
    }

    #[test]
    fn a_receiver_may_name_its_own_id() {
        let cases = [(r#"{"id":"r-1","more":2}"#, Some("r-1")), ("thanks", None), ("", None), (r#"{"id":7}"#, None)];
        for (body, expect) in cases {
            assert_eq!(read(&answer(200, &[], body)).unwrap().upstream_id.as_deref(), expect, "{body}");
        }
    }
}
