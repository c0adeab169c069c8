//! Records of calls: what is read back, and what two of them are compared by.

use opssight_core::plugins::evidence::{
    Asked, Blob, CallRecord, ClockReadings, Exchange, ExchangeAnswer, FORMAT, LoggedLine, Outcome, RecordError, Scope,
    compare, differences,
};
use opssight_core::plugins::{CallUsage, FailureClass, FaultSource, Grants, StateWrite};
use opssight_core::time::Timestamp;
use serde_json::json;

fn exchange(method: &str, url: &str, body: &str) -> Exchange {
    Exchange {
        method: method.into(),
        url: url.into(),
        headers: vec![("accept".into(), Blob::from("application/json"))],
        body: Blob::from(body),
        answer: ExchangeAnswer::Response { status: 200, headers: Vec::new(), body: Blob(vec![0xff, 0xfe]) },
    }
}

fn record() -> CallRecord {
    CallRecord {
        format: FORMAT.into(),
        id: "call_1".into(),
        at: Timestamp(1_767_225_600_000_000),
        plugin: "github".into(),
        version: "1.2.3".into(),
        digest: "sha256:00".into(),
        connection: "con_1".into(),
        kind: "source".into(),
        input: json!({ "feed": "runs" }),
        settings: json!({ "base_url": "https://api.github.com" }),
        grants: Grants::default(),
        exchanges: vec![exchange("GET", "https://api.github.com/a", ""), exchange("POST", "https://x.test/b", "1")],
        asked: vec![Asked { what: "state.get".into(), input: json!({ "key": "etag" }), answer: Some(json!(null)) }],
        clock: ClockReadings { wall: vec![(1_767_225_600, 5)], monotonic: vec![17, 18] },
        random: Blob(vec![0, 159, 146, 150]),
        log: vec![LoggedLine { level: "info".into(), message: "pulled".into() }],
        outcome: Outcome::Answer {
            value: json!({ "items": [{ "id": "1", "title": "build" }], "next": null }),
            writes: vec![StateWrite { key: "etag".into(), value: Some(b"W/1".to_vec()) }],
        },
        usage: CallUsage::default(),
        cut: Vec::new(),
    }
}

#[test]
fn a_record_comes_back_from_its_document() {
    let record = record();
    let document = record.document();
    assert_eq!(CallRecord::parse(document.as_bytes()).unwrap(), record);
    let twice = format!("{document}{document}");
    assert_eq!(CallRecord::parse_all(twice.as_bytes()).unwrap().len(), 2);
    assert!(CallRecord::parse(twice.as_bytes()).is_err());
    let later = document.replace(FORMAT, "opssight.call/2");
    assert!(matches!(CallRecord::parse(later.as_bytes()), Err(RecordError::Format(format)) if format.ends_with("/2")));
}

#[test]
fn an_unknown_field_is_no_reason_to_refuse_a_record() {
    let document = record().document().replacen('{', "{\"since_then\": 1,", 1);
    assert!(CallRecord::parse(document.as_bytes()).is_ok());
}

#[test]
fn what_was_cut_is_said_and_not_replayed() {
    let mut record = record();
    assert!(record.replayable().is_ok());
    record.cut.push("exchange 3 was too large".into());
    assert!(record.replayable().unwrap_err().to_string().contains("exchange 3 was too large"));
}

#[test]
fn the_same_call_has_no_differences() {
    for scope in [Scope::Everything, Scope::Effects] {
        assert_eq!(differences(&record(), &record(), scope), Vec::<String>::new());
    }
}

#[test]
fn every_difference_is_told_in_words() {
    type Spoil = fn(&mut CallRecord);
    let cases: [(Spoil, &str, bool); 12] = [
        (
            |record| {
                let Outcome::Answer { value, .. } = &mut record.outcome else { return };
                value["items"][0]["title"] = json!("deploy");
            },
            r#"the answer.items[0].title was ""build"", is ""deploy"""#,
            true,
        ),
        (
            |record| {
                let Outcome::Answer { value, .. } = &mut record.outcome else { return };
                value["items"] = json!([]);
            },
            "the answer.items[0] was",
            true,
        ),
        (
            |record| {
                let Outcome::Answer { writes, .. } = &mut record.outcome else { return };
                writes[0].value = None;
            },
            r#"the write to state "etag" was "W/1", is "a removal""#,
            true,
        ),
        (
            |record| record.exchanges.push(exchange("GET", "https://evil.test/x", "")),
            r#"it asked GET "https://evil.test/x", which it did not ask then"#,
            true,
        ),
        (
            |record| drop(record.exchanges.remove(0)),
            r#"it did not ask GET "https://api.github.com/a", which it asked then"#,
            true,
        ),
        (
            |record| record.exchanges[1].body = Blob::from("2"),
            r#"the body of POST https://x.test/b was "1", is "2""#,
            true,
        ),
        (|record| record.exchanges[1].headers.clear(), "the headers of POST https://x.test/b", false),
        (|record| record.asked[0].input = json!({ "key": "new" }), "it asked the host state.get", true),
        (
            |record| record.clock.monotonic.truncate(1),
            "the number of readings of the monotonic clock was 2, is 1",
            false,
        ),
        (|record| record.random.0.push(1), "the number of random bytes was 4, is 5", false),
        (|record| record.log.clear(), r#"log line 1 was "info: pulled", is not there"#, false),
        (
            |record| {
                record.outcome = Outcome::Failure {
                    fault: FaultSource::Plugin,
                    class: FailureClass::Trap,
                    code: "trap".into(),
                    message: "it died".into(),
                    retry_after_ms: None,
                };
            },
            "the outcome was",
            true,
        ),
    ];
    for (spoil, expect, is_effect) in cases {
        let mut now = record();
        spoil(&mut now);
        let found = differences(&record(), &now, Scope::Everything);
        assert!(!found.is_empty(), "{expect}");
        assert!(found[0].starts_with(expect), "{found:?} does not begin with {expect}");
        assert_eq!(!differences(&record(), &now, Scope::Effects).is_empty(), is_effect, "{expect}");
    }
}

#[test]
fn requests_that_are_under_way_together_may_begin_in_either_order() {
    let mut now = record();
    now.exchanges.reverse();
    assert_eq!(differences(&record(), &now, Scope::Everything), Vec::<String>::new());
}

#[test]
fn long_texts_are_shown_where_they_part() {
    let (mut then, mut now) = (record(), record());
    let answer = |text: String| Outcome::Answer { value: json!(text), writes: Vec::new() };
    then.outcome = answer("ä".repeat(500) + "then");
    now.outcome = answer("ä".repeat(500) + "now");
    let found = differences(&then, &now, Scope::Everything);
    assert!(found[0].contains("then") && found[0].contains("now") && found[0].len() < 400, "{found:?}");
    let diff = compare(&then, &now, Scope::Everything)[0].diff();
    let (removed, added) = (format!("\n  - …{}then\"", "ä".repeat(30)), format!("\n  + …{}now\"", "ä".repeat(30)));
    assert!(diff.starts_with("the answer\n") && diff.contains(&removed) && diff.contains(&added), "{diff}");
}

#[test]
fn what_would_act_in_a_terminal_is_written_out_and_a_difference_in_it_is_seen() {
    let hostile = "x\u{1b}[2J\u{9b}2J\r\n  + y\u{202e}\u{200b}";
    let spoilt: [fn(&mut CallRecord, &str); 6] = [
        |record, text| record.exchanges[1].body = Blob::from(text),
        |record, text| record.exchanges[1].headers[0].1 = Blob::from(text),
        |record, text| record.exchanges[1].url = text.to_owned(),
        |record, text| record.log[0].message = text.to_owned(),
        |record, text| record.outcome = Outcome::Answer { value: json!({ text: text }), writes: Vec::new() },
        |record, text| {
            let writes = vec![StateWrite { key: text.to_owned(), value: Some(text.as_bytes().to_vec()) }];
            record.outcome = Outcome::Answer { value: json!(null), writes };
        },
    ];
    for (at, spoil) in spoilt.into_iter().enumerate() {
        let (mut then, mut now) = (record(), record());
        spoil(&mut then, "x");
        spoil(&mut now, hostile);
        let found = compare(&then, &now, Scope::Everything);
        assert!(!found.is_empty(), "{at}");
        for difference in &found {
            let (words, diff) = (difference.to_string(), difference.diff());
            let acts = |c: char| c.is_control() || matches!(c, '\u{202e}' | '\u{200b}');
            assert!(!words.contains(acts), "{at}: {words:?}");
            assert_eq!(diff.lines().count(), 3, "{at}: {diff:?}");
            assert!(!diff.replace('\n', "").contains(acts), "{at}: {diff:?}");
        }
        assert!(found.iter().any(|one| one.diff().contains("\\u{9b}2J")), "{at}: {found:?}");
    }
}
