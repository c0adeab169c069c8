use super::{HostLine, Tail, Timestamp};

fn line(at: i64, message: &str) -> HostLine {
    HostLine { at: Timestamp(at), level: "info".into(), connection: "c".into(), message: message.to_owned() }
}

fn shown(tail: &mut Tail, lines: &[(i64, &str)]) -> Vec<String> {
    let lines = lines.iter().map(|(at, message)| line(*at, message)).collect();
    tail.fresh(lines).into_iter().map(|line| line.message).collect()
}

#[test]
fn log_lines_are_shown_once_and_those_of_before_not_at_all() {
    let mut tail = Tail::default();
    assert_eq!(shown(&mut tail, &[(1, "a"), (2, "b")]), Vec::<String>::new());
    assert_eq!(shown(&mut tail, &[(1, "a"), (2, "b"), (3, "c")]), ["c"]);
    assert_eq!(shown(&mut tail, &[(2, "b"), (3, "c")]), Vec::<String>::new());
    assert_eq!(shown(&mut tail, &[]), Vec::<String>::new());
    assert_eq!(shown(&mut tail, &[(3, "c"), (4, "d")]), ["d"]);
}

#[test]
fn lines_of_one_moment_are_all_shown() {
    let mut tail = Tail::default();
    assert_eq!(shown(&mut tail, &[(1, "a")]), Vec::<String>::new());
    assert_eq!(shown(&mut tail, &[(1, "a"), (1, "b"), (2, "c")]), ["b", "c"]);
    assert_eq!(shown(&mut tail, &[(1, "a"), (1, "b"), (2, "c"), (2, "d")]), ["d"]);
}

#[test]
fn the_first_line_of_a_silent_plugin_is_shown() {
    let mut tail = Tail::default();
    assert!(tail.fresh(Vec::new()).is_empty());
    assert_eq!(shown(&mut tail, &[(1, "a")]), ["a"]);
}
