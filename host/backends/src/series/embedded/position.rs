//! Where an expression is wrong. The parser tells what it expected, but not always where; the first word that it does
//! not take is found by giving it the expression word by word.

use opssight_core::metrics::MetricsError;
use tsink::promql::ast::Expr;
use tsink::promql::error::PromqlError;
use tsink::promql::lexer::{Lexer, Token};

/// Longest expression, bytes.
const LONGEST: usize = 8 << 10;

pub(super) fn parse(query: &str) -> Result<Expr, MetricsError> {
    if query.len() > LONGEST {
        let problem = format!("it has {} bytes; at most {LONGEST} are read", query.len());
        return Err(MetricsError::Query { problem, at: None });
    }
    tsink::promql::parse(query).map_err(|error| wrong(query, &error))
}

/// An error of the parser or of the evaluation, with its place if it has one.
pub(super) fn wrong(query: &str, error: &PromqlError) -> MetricsError {
    let at = match error {
        PromqlError::UnknownFunction(name) => query.find(name.as_str()),
        _ => place(query),
    };
    MetricsError::Query { problem: error.to_string(), at }
}

fn place(query: &str) -> Option<usize> {
    if tsink::promql::parse(query).is_ok() {
        return None;
    }
    let Ok(tokens) = Lexer::new(query).tokenize() else {
        // The longest beginning that is made of words.
        let mut ends = query.char_indices().map(|(at, _)| at).rev();
        return ends.find(|at| query.get(..*at).is_some_and(is_words));
    };
    let wrong = tokens.iter().find(|token| !is_begun_well(query, token));
    Some(wrong.map_or(query.len(), |token| token.span.start))
}

fn is_words(part: &str) -> bool {
    Lexer::new(part).tokenize().is_ok()
}

/// Whether the parser takes the expression up to this word: it is whole, or only its end is missing.
fn is_begun_well(query: &str, token: &Token) -> bool {
    let Some(begin) = query.get(..token.span.end) else { return true };
    match tsink::promql::parse(begin) {
        Ok(_) => true,
        Err(PromqlError::UnexpectedToken { found, .. }) => found == "EOF",
        Err(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_says_where() {
        let check = |query: &str, expect: Option<usize>| {
            let error = parse(query).err();
            match (error, expect) {
                (None, None) => {}
                (Some(MetricsError::Query { at, problem }), Some(_)) => assert_eq!(at, expect, "{query}: {problem}"),
                (got, _) => panic!("{query}: {got:?}"),
            }
        };
        check("sum(rate(a[5m])) by (b)", None);
        check("sum(a", Some(5));
        check("sum(a))", Some(6));
        check("a + + * b", Some(6));
        check("a{b=}", Some(4));
        check("a{b=\"c\" d}", Some(8));
        check("a ! b", Some(2));
        check("a{b=\"c}", Some(4));
        check("", Some(0));
    }
}
