use super::{HostLine, Tail};

fn line(at: &str) -> HostLine {
    HostLine { at: at.to_owned(), level: "info".into(), connection: "c".into(), message: at.to_owned() }
}

#[test]
fn log_lines_are_shown_once_and_those_of_before_not_at_all() {
    let mut tail = Tail::default();
    let shown = |tail: &mut Tail, ats: &[&str]| {
        tail.fresh(ats.iter().map(|at| line(at)).collect()).into_iter().map(|line| line.at).collect::<Vec<_>>()
    };
    assert_eq!(shown(&mut tail, &["1", "2"]), Vec::<String>::new());
    assert_eq!(shown(&mut tail, &["1", "2", "3"]), ["3"]);
    assert_eq!(shown(&mut tail, &["2", "3"]), Vec::<String>::new());
    assert_eq!(shown(&mut tail, &[]), Vec::<String>::new());
    assert_eq!(shown(&mut tail, &["4"]), ["4"]);
}

#[test]
fn the_first_line_of_a_silent_plugin_is_shown() {
    let mut tail = Tail::default();
    assert!(tail.fresh(Vec::new()).is_empty());
    assert_eq!(tail.fresh(vec![line("1")]).len(), 1);
}
