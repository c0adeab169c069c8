//! What the kinds of plugin may give.

use opssight_core::plugins::kinds::{self, CostColumns, CostPage, Score, Series};
use serde_json::json;

#[test]
fn numbers_that_cannot_be_calculated_with_are_none() {
    for value in [0.0, -0.0, 1.0, -1e150, 1e150, f64::MIN_POSITIVE] {
        assert_eq!(kinds::number(value), Some(value), "{value:e}");
    }
    for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 1e151, -1e308, 1e-310, -5e-324] {
        assert_eq!(kinds::number(value), None, "{value:e}");
    }
    assert_eq!(Score::new(1.0).map(Score::get), Some(1.0));
    assert_eq!(Score::new(f64::EPSILON + 1.0), None);
}

#[test]
fn a_series_has_a_number_at_each_time_and_its_times_in_order() {
    let at = 1_700_000_000_000;
    let series = |ts: &[i64], values: &[f64]| Series::new("m", vec![], ts, values.to_vec());
    assert_eq!(series(&[at, at + 1], &[1.0, 2.0]).unwrap().values(), [1.0, 2.0]);
    let cases: [(&[i64], &[f64], &str); 6] = [
        (&[at], &[], "ts has 1 entries, and values has 0"),
        (&[at, at], &[1.0, 1.0], "ts, index 1: is not after the one before it"),
        (&[at, at - 1], &[1.0, 1.0], "ts, index 1: is not after the one before it"),
        (&[i64::MIN], &[1.0], "ts, index 0: is -9223372036854775808, which lies outside of 2000 to 2100"),
        (&[at, at + 1], &[1.0, f64::NAN], "values, index 1: is no normal number up to 1e150"),
        (&[at], &[1e308], "values, index 0: is no normal number up to 1e150"),
    ];
    for (ts, values, expect) in cases {
        assert_eq!(series(ts, values).unwrap_err().to_string(), expect);
    }
}

#[test]
fn a_series_is_written_as_it_is_read() {
    let at = 1_700_000_000_000;
    let labels = vec![("job".to_owned(), "ci".to_owned())];
    let series = Series::new("m", labels, &[at, at + 1], vec![0.1, -2.0]).unwrap();
    let written = json!({ "name": "m", "labels": [["job", "ci"]], "ts": [at, at + 1], "values": ["0.1", "-2"] });
    assert_eq!(serde_json::to_value(&series).unwrap(), written);
    assert_eq!(serde_json::from_value::<Series>(written).unwrap(), series);
}

fn page() -> CostColumns {
    CostColumns {
        currency: "EUR".into(),
        columns: vec!["ServiceName".into(), "x_Team".into()],
        text: vec![vec!["db".into(), "web".into()], vec!["a".into(), String::new()]],
        billed_nanos: vec![1, -1],
        effective_nanos: vec![1, 0],
        start_at: vec![1_700_000_000_000; 2],
        end_at: vec![1_700_086_400_000; 2],
        tags: vec![vec![("env".into(), "prod".into())], vec![]],
        next: None,
    }
}

#[test]
fn the_columns_of_a_bill_fit_together() {
    let page_ok = CostPage::new(page()).unwrap();
    assert_eq!((page_ok.rows(), page_ok.text("x_Team").map(<[_]>::len), page_ok.text("Region")), (2, Some(2), None));
    assert_eq!(CostPage::new(CostColumns { currency: "USD".into(), ..CostColumns::default() }).unwrap().rows(), 0);
    type Spoil = (&'static str, fn(&mut CostColumns));
    let cases: [Spoil; 9] = [
        ("currency", |page| page.currency = "eur".into()),
        ("columns, index 1:", |page| page.columns[1] = "ServiceName".into()),
        ("columns, index 0:", |page| page.columns[0] = "no name".into()),
        ("columns", |page| page.text.truncate(1)),
        ("column x_Team:", |page| page.text[1].truncate(1)),
        ("column end-at:", |page| page.end_at.truncate(1)),
        ("row 1: start-at", |page| page.start_at[1] = 0),
        ("row 1: tags", |page| page.tags[1] = vec![(String::new(), String::new())]),
        ("column ServiceName, row 1:", |page| page.text[0][1] = "x".repeat(3_000)),
    ];
    for (at, spoil) in cases {
        let mut page = page();
        spoil(&mut page);
        assert_eq!(CostPage::new(page).unwrap_err().at, at);
    }
}
