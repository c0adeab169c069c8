//! Where an expression is wrong. The parser tells what it expected, but not always where; the first word that it does
//! not take is found by giving it the expression word by word.

use opssight_core::metrics::MetricsError;
use tsink::promql::ast::Expr;
use tsink::promql::error::PromqlError;
use tsink::promql::lexer::{Lexer, Token};

/// Longest expression, bytes.
const LONGEST: usize = 8 << 10;

/// Most words of an expression. The parser and the evaluator call themselves once for a parenthesis, a sign, an operator
/// or a function, and ask nowhere whether there is stack left: without this limit one question ends the process.
const MOST_WORDS: usize = 500;

/// Of an error's text, characters.
const MOST_SAID: usize = 500;

pub(super) fn parse(query: &str) -> Result<Expr, MetricsError> {
    if query.len() > LONGEST {
        let problem = format!("it has {} bytes; at most {LONGEST} are read", query.len());
        return Err(MetricsError::Query { problem, at: None });
    }
    // The words are counted before anything is made of them: the lexer does not call itself.
    let tokens = Lexer::new(query).tokenize().map_err(|error| wrong(query, &error))?;
    if let Some(token) = tokens.get(MOST_WORDS) {
        let problem = format!(
            "it has {} words (names, numbers, signs, brackets); at most {MOST_WORDS} are read. Ask for parts of it one \
             by one",
            tokens.len()
        );
        return Err(MetricsError::Query { problem, at: Some(token.span.start) });
    }
    tsink::promql::parse(query).map_err(|error| wrong(query, &error))
}

/// An error of the lexer, of the parser or of the evaluation of an expression that is not too long, with its place if it
/// has one.
pub(super) fn wrong(query: &str, error: &PromqlError) -> MetricsError {
    let at = match error {
        PromqlError::UnknownFunction(name) => query.find(name.as_str()),
        _ => place(query),
    };
    // Some errors show the whole tree of the expression.
    let problem = error.to_string().chars().take(MOST_SAID).collect();
    MetricsError::Query { problem, at }
}

fn place(query: &str) -> Option<usize> {
    let tokens = match Lexer::new(query).tokenize() {
        Ok(tokens) => tokens,
        Err(error) => return Some(unread(query, &error.to_string())),
    };
    if tsink::promql::parse(query).is_ok() {
        return None;
    }
    // The parser never goes back: if it takes a beginning, it takes every shorter one.
    let taken = tokens.partition_point(|token| is_begun_well(query, token));
    Some(tokens.get(taken).map_or(query.len(), |token| token.span.start))
}

/// Where the lexer stopped. It says so of a character; of a number it shows the number, and of a text without an end
/// nothing.
fn unread(query: &str, said: &str) -> usize {
    let told = said.rsplit(' ').next().and_then(|last| last.parse().ok());
    let number =
        || said.strip_prefix("parse error: invalid number '").and_then(|rest| query.find(rest.split('\'').next()?));
    told.or_else(number).or_else(|| open_text(query)).unwrap_or(query.len())
}

/// Where a text begins that does not end.
fn open_text(query: &str) -> Option<usize> {
    let (mut begun, mut bytes) = (None, query.bytes().enumerate());
    while let Some((at, byte)) = bytes.next() {
        match (begun, byte) {
            (None, b'"') => begun = Some(at),
            (Some(_), b'"') => begun = None,
            (Some(_), b'\\') => {
                bytes.next();
            }
            // What follows is for people, up to the end of the line.
            (None, b'#') => {
                bytes.find(|(_, byte)| *byte == b'\n');
            }
            _ => {}
        }
    }
    begun
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
        check("a{b=\"\\\"c}", Some(4));
        check("# \"\na{b=\"c}", Some(8));
        check("a + 1.2.3", Some(4));
        check("a{b=\"!\"} ! b", Some(9));
        check("", Some(0));
    }
}
