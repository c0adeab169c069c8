use super::*;

#[test]
fn names_and_labels_keep_the_rules() {
    let check = |metric: &str, labels: &[(&str, &str)], expect: Result<&str, &str>| {
        let made = Series::new(metric, labels.iter().copied());
        match (made, expect) {
            (Ok(series), Ok(spelt)) => assert_eq!(series.to_string(), spelt),
            (Err(problem), Err(says)) => assert!(problem.to_string().contains(says), "{problem}"),
            (made, expect) => panic!("{metric} {labels:?}: {made:?}, and not {expect:?}"),
        }
    };
    check("up", &[], Ok("up"));
    check("a_b1", &[("z", "1"), ("a", "x \"y\"")], Ok(r#"a_b1{a="x \"y\"",z="1"}"#));
    check("up", &[("gone", "")], Ok("up"));
    check("", &[], Err("metric ``"));
    check("1up", &[], Err("begins with a letter"));
    check("_up", &[], Err("begins with a letter"));
    check("job:up:sum", &[], Err("metric `job:up:sum`"));
    check("up", &[("__name__", "x")], Err("label `__name__` of up"));
    check("up", &[("time", "x")], Err("is not `time`"));
    check("up", &[("a", "x\ny")], Err("no control characters"));
    check("up", &[("a", "x"), ("a", "y")], Err("label `a` of up is there twice"));
    check("up", &[("a", &"x".repeat(1025))], Err("at most 1024 bytes"));
    let many: Vec<(String, String)> = (0..31).map(|n| (format!("l{n}"), "x".to_owned())).collect();
    assert!(Series::new("up", many).unwrap_err().to_string().contains("has 31 labels"));
}

#[test]
fn the_order_of_labels_makes_no_other_series() {
    assert_eq!(Series::new("m", [("a", "1"), ("b", "2")]), Series::new("m", [("b", "2"), ("a", "1")]));
}
