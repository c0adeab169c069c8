//! What an expression selects, read from its tree.

use super::position::parse;
use opssight_core::metrics::MetricsError;
use std::collections::BTreeMap;
use tsink::promql::ast::{AtModifier, Expr, LabelMatcher, MatchOp, VectorSelector};
use tsink::{SeriesMatcher, SeriesMatcherOp, SeriesSelection};

/// The selectors of an expression.
#[derive(Default)]
pub(super) struct Selectors {
    /// By metric: the matchers of each selector that names it.
    by_metric: BTreeMap<String, Vec<Vec<LabelMatcher>>>,
    /// Whether the expression asks for the ends of its own range, `@ start()` or `@ end()`.
    pub(super) pinned: bool,
}

impl Selectors {
    pub(super) fn of(expression: &Expr) -> Self {
        let mut selectors = Self::default();
        selectors.walk(expression);
        selectors
    }

    /// What to read of a metric: no more than its selector finds, if there is only one.
    pub(super) fn selection(&self, metric: &str) -> SeriesSelection {
        let selection = SeriesSelection::new().with_metric(metric);
        match self.by_metric.get(metric).map(Vec::as_slice) {
            Some([matchers]) => with(selection, matchers),
            _ => selection,
        }
    }

    fn walk(&mut self, expression: &Expr) {
        match expression {
            Expr::NumberLiteral(_) | Expr::StringLiteral(_) => {}
            Expr::VectorSelector(selector) => self.see(selector),
            Expr::MatrixSelector(matrix) => self.see(&matrix.vector),
            Expr::Subquery(subquery) => {
                self.pin(subquery.at.as_ref());
                self.walk(&subquery.expr);
            }
            Expr::Unary(unary) => self.walk(&unary.expr),
            Expr::Binary(binary) => {
                self.walk(&binary.lhs);
                self.walk(&binary.rhs);
            }
            Expr::Aggregation(aggregation) => {
                if let Some(param) = &aggregation.param {
                    self.walk(param);
                }
                self.walk(&aggregation.expr);
            }
            Expr::Call(call) => call.args.iter().for_each(|arg| self.walk(arg)),
            Expr::Paren(inner) => self.walk(inner),
        }
    }

    fn see(&mut self, selector: &VectorSelector) {
        self.pin(selector.at.as_ref());
        if let Some(metric) = &selector.metric_name {
            self.by_metric.entry(metric.clone()).or_default().push(selector.matchers.clone());
        }
    }

    fn pin(&mut self, at: Option<&AtModifier>) {
        self.pinned |= matches!(at, Some(AtModifier::Start | AtModifier::End));
    }
}

/// An instant selector, for lists of series.
pub(super) fn selection(selector: &str) -> Result<SeriesSelection, MetricsError> {
    Ok(with(SeriesSelection::new(), &matchers(selector)?))
}

/// The matchers of an instant selector, its metric among them as `__name__`.
pub(in crate::series) fn matchers(selector: &str) -> Result<Vec<LabelMatcher>, MetricsError> {
    let Expr::VectorSelector(found) = parse(selector)? else {
        let problem = "a selector of series is needed here, like `metric{label=\"value\"}`".to_owned();
        return Err(MetricsError::Query { problem, at: Some(0) });
    };
    let name = |metric: String| LabelMatcher { name: "__name__".to_owned(), op: MatchOp::Equal, value: metric };
    Ok(found.metric_name.map(name).into_iter().chain(found.matchers).collect())
}

fn with(selection: SeriesSelection, matchers: &[LabelMatcher]) -> SeriesSelection {
    let matchers = matchers.iter().map(|matcher| {
        let op = match matcher.op {
            MatchOp::Equal => SeriesMatcherOp::Equal,
            MatchOp::NotEqual => SeriesMatcherOp::NotEqual,
            MatchOp::RegexMatch => SeriesMatcherOp::RegexMatch,
            MatchOp::RegexNoMatch => SeriesMatcherOp::RegexNoMatch,
        };
        SeriesMatcher::new(&matcher.name, op, &matcher.value)
    });
    selection.with_matchers(matchers.collect())
}
