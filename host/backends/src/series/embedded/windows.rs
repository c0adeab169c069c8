//! Functions over a window that roll-ups answer, as the evaluator is asked for them.
//!
//! The evaluator reads points and knows nothing of roll-ups. So `avg_over_time(m{a="1"}[1h])` is put to it as
//! `last_over_time(avg_over_time:m{a="1"}[1h])`, and the [view](super::view) gives it one point for the window, with the
//! value that the function has. A colon is in no name that is kept here.

use opssight_core::metrics::rollups::Function;
use tsink::promql::lexer::{Lexer, Token, TokenKind};

/// The expression as it is put to the evaluator. What asks for the names of metrics stays as it is: it would see ours.
pub(super) fn rewrite(query: &str) -> String {
    let Ok(tokens) = Lexer::new(query).tokenize() else { return query.to_owned() };
    let names = |token: &Token| match &token.kind {
        TokenKind::Ident(text) => text == "__name__" || text.contains(':'),
        TokenKind::String(text) => text == "__name__",
        _ => false,
    };
    if tokens.iter().any(names) {
        return query.to_owned();
    }
    let (mut text, mut copied) = (String::with_capacity(query.len() * 2), 0);
    for at in 0..tokens.len() {
        let Some((function, metric)) = tokens.get(at..).and_then(window) else { continue };
        let name = query.get(function.span.start..function.span.end).unwrap_or_default().to_ascii_lowercase();
        text += query.get(copied..function.span.start).unwrap_or_default();
        text += "last_over_time";
        text += query.get(function.span.end..metric.span.start).unwrap_or_default();
        text += &format!("{name}:");
        copied = metric.span.start;
    }
    text += query.get(copied..).unwrap_or_default();
    text
}

/// The function and the metric that a name of [`rewrite`] is made of.
pub(super) fn read(name: &str) -> Option<(Function, &str)> {
    let (function, metric) = name.split_once(':')?;
    Some((Function::named(function)?, metric))
}

/// The metric as it was asked for.
pub(super) fn metric(name: &str) -> &str {
    read(name).map_or(name, |(_, metric)| metric)
}

/// `function ( metric {...} [ duration ]`, if that is what these begin with: the function and the metric.
fn window(tokens: &[Token]) -> Option<(&Token, &Token)> {
    let [function, open, metric, rest @ ..] = tokens else { return None };
    let (TokenKind::Ident(name), TokenKind::LParen, TokenKind::Ident(_)) = (&function.kind, &open.kind, &metric.kind)
    else {
        return None;
    };
    Function::named(name)?;
    let rest = match rest {
        [brace, ..] if brace.kind == TokenKind::LBrace => {
            let end = rest.iter().position(|token| token.kind == TokenKind::RBrace)?;
            rest.get(end + 1..)?
        }
        rest => rest,
    };
    let [open, range, close, ..] = rest else { return None };
    // Anything else in the brackets makes it a subquery.
    let is_range = matches!(range.kind, TokenKind::Duration(_) | TokenKind::Number(_));
    let is_window = open.kind == TokenKind::LBracket && is_range && close.kind == TokenKind::RBracket;
    is_window.then_some((function, metric))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_that_roll_ups_answer_are_asked_for_by_name() {
        let check = |query: &str, expect: &str| {
            assert_eq!(rewrite(query), expect);
            assert!(tsink::promql::parse(expect).is_ok(), "{expect}");
        };
        check("avg_over_time(m[1h])", "last_over_time(avg_over_time:m[1h])");
        check("sum(Rate( m{a=\"}[\"} [5m] offset 1d))", "sum(last_over_time( rate:m{a=\"}[\"} [5m] offset 1d))");
        check(
            "sum_over_time(m[1h]) / count_over_time(m[1h])",
            "last_over_time(sum_over_time:m[1h]) / last_over_time(count_over_time:m[1h])",
        );
        check("max_over_time(rate(m[5m])[1h:1m])", "max_over_time(last_over_time(rate:m[5m])[1h:1m])");
        for same in [
            "m",
            "avg_over_time(m[1h:1m])",
            "avg_over_time((m[1h]))",
            "quantile_over_time(0.9, m[1h])",
            "avg_over_time({a=\"1\"}[1h])",
            "label_replace(rate(m[5m]), \"a\", \"$1\", \"__name__\", \"(.*)\")",
            "sum by (__name__) (rate(m[5m]))",
        ] {
            check(same, same);
        }
    }

    #[test]
    fn names_are_told_apart() {
        assert_eq!(read("rate:m"), Some((Function::Rate, "m")));
        assert_eq!(read("m"), None);
        assert_eq!(metric("sum_over_time:m"), "m");
        assert_eq!(metric("m"), "m");
    }
}
