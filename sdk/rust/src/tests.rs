//! The SDK on the stand-in host, as plugin authors use it.

use crate::items::{Change, PipelineRun};
use crate::{
    CostPage, CostRow, Delivery, Failure, FailureClass, Health, Item, Reception, Report, Webhook, http, native, reveal,
    settings, state,
};
use serde::Deserialize;

struct Sample;

impl Health for Sample {
    fn check() -> Result<Report, Failure> {
        let base_url: String = settings::get("base_url")?.unwrap_or_default();
        let response = http::get(format!("{base_url}/user")).header("accept", "application/json").send()?;
        let calls: u32 = state::get("calls")?.unwrap_or_default();
        state::set("calls", &(calls + 1))?;
        Ok(Report::new(format!("status {}", response.status)).attr("calls", calls.to_string()))
    }
}

impl Webhook for Sample {
    fn receive(delivery: Delivery) -> Result<Reception, Failure> {
        let run = PipelineRun { id: "1".into(), attempt: 1, service: "o/r".into(), ..PipelineRun::default() };
        Ok(Reception::of([Item::of(&run, "1/1", delivery.received_at, "CI").url("https://ci/1").attr("a", "b")]))
    }
}

crate::export!(Sample: health, webhook);

#[test]
fn a_plugin_runs_against_the_stand_in_host() {
    native::reset();
    native::set_settings(r#"{"base_url": "https://api.example.com"}"#);
    native::on_http(|request| {
        assert_eq!(
            (request.url(), request.header_value("accept")),
            ("https://api.example.com/user", Some("application/json"))
        );
        Ok(native::answer(204, ""))
    });
    assert_eq!(Sample::check().unwrap().attrs, [("calls".to_owned(), "0".to_owned())]);
    let report = Sample::check().unwrap();
    assert_eq!((report.summary.as_str(), report.attrs[0].1.as_str()), ("status 204", "1"));
    native::reset();
    assert_eq!(Sample::check().unwrap_err().class, FailureClass::Upstream, "there is no upstream any more");
}

#[test]
fn an_item_carries_its_payload_under_the_kinds_name() {
    let delivery =
        Delivery { headers: vec![("x-event".to_owned(), "run".to_owned())], body: Vec::new(), received_at: 7 };
    assert_eq!(delivery.header("x-event"), Some("run"));
    let item = Sample::receive(delivery).unwrap().items.remove(0);
    assert_eq!((item.kind.as_str(), item.at, item.url.as_deref()), ("ci.pipeline-run", 7, Some("https://ci/1")));
    assert_eq!(item.payload_as::<PipelineRun>().unwrap().service, "o/r");
    assert_eq!(item.payload_as::<Change>(), None);
}

#[test]
fn settings_that_do_not_fit_are_the_operators_to_mend() {
    #[derive(Debug, Deserialize)]
    struct Settings {
        #[expect(dead_code, reason = "only its type matters")]
        days: u32,
    }
    native::reset();
    native::set_settings(r#"{"days": "many"}"#);
    assert_eq!(settings::all::<Settings>().unwrap_err().class, FailureClass::Config);
    assert_eq!(settings::get::<u32>("days").unwrap_err().class, FailureClass::Config);
    assert_eq!(settings::get::<u32>("hours").unwrap(), None);
}

#[test]
fn state_lists_its_keys_in_pages_and_forgets_what_it_cannot_read() {
    native::reset();
    for key in ["a/1", "a/2", "a/3", "b/1"] {
        state::set(key, &1).unwrap();
    }
    let (keys, cursor) = state::keys("a/", None, 2).unwrap();
    assert_eq!((keys.len(), cursor.as_deref()), (2, Some("a/2")));
    assert_eq!(state::keys("a/", cursor.as_deref(), 2).unwrap(), (vec!["a/3".to_owned()], None));
    assert_eq!(state::get::<Vec<String>>("a/1").unwrap(), None, "an older shape is as if it had never been there");
    state::delete("a/1").unwrap();
    assert_eq!(state::get::<u32>("a/1").unwrap(), None);
}

#[test]
fn every_column_of_a_bill_grows_with_each_row() {
    let mut page = CostPage::new("EUR", &["ServiceName", "RegionId"]);
    page.row(CostRow { billed_nanos: 5, text: vec!["db".to_owned()], ..CostRow::default() });
    page.row(CostRow { text: vec!["a".to_owned(), "b".to_owned(), "c".to_owned()], ..CostRow::default() });
    assert_eq!(page.text, [["db", "a"], ["", "b"]]);
    let lengths = [page.billed_nanos.len(), page.effective_nanos.len(), page.start_at.len(), page.end_at.len()];
    assert_eq!((lengths, page.tags.len()), ([2; 4], 2));
}

#[test]
fn a_secret_is_there_once_it_was_filled_in() {
    native::reset();
    assert_eq!(reveal::secret("key").unwrap_err().class, FailureClass::Config);
    native::set_secret("key", "s3cr3t");
    assert_eq!(reveal::secret("key").unwrap(), b"s3cr3t");
}

#[test]
fn a_failure_names_class_code_and_patience() {
    let failure = Failure::rate_limited("sample.limit", "wait").retry_after(5).attr("http.status", "429");
    assert_eq!((failure.class, failure.retry_after_ms, failure.attrs.len()), (FailureClass::RateLimited, Some(5), 1));
}
