//! What an expression selects, and how often its subqueries ask, read from its tree before it is worked out.

use super::position::parse;
use opssight_core::metrics::{MOST_STEPS, MetricsError};
use std::collections::BTreeMap;
use tsink::promql::ast::{AtModifier, Expr, LabelMatcher, MatchOp, SubqueryExpr, VectorSelector};
use tsink::{SeriesMatcher, SeriesMatcherOp, SeriesSelection};

/// From step to step of a subquery that does not tell, unless the evaluator is asked for a range: milliseconds.
const STEP: i64 = 60_000;

/// The selectors of an expression.
#[derive(Default)]
pub(super) struct Selectors {
    by_metric: BTreeMap<String, Found>,
    /// Those that name no metric, and may find any.
    nameless: Option<Found>,
    /// Steps of all subqueries together.
    steps: i64,
    /// Whether the expression asks for the ends of its own range, `@ start()` or `@ end()`.
    pub(super) pinned: bool,
}

/// The selectors of one metric.
#[derive(Default)]
struct Found {
    matchers: Vec<Vec<LabelMatcher>>,
    /// Milliseconds from the first to the last time at which subqueries ask for it, at each step of the whole.
    reach: i64,
}

/// The subqueries around a part of an expression.
#[derive(Clone, Copy)]
struct Around {
    steps: i64,
    reach: i64,
}

impl Selectors {
    /// Of an expression that is asked for one moment, or for a range with this step in microseconds. One whose
    /// subqueries take too many steps is refused: nothing ends them once they are begun.
    pub(super) fn of(expression: &Expr, step: Option<i64>) -> Result<Self, MetricsError> {
        let mut selectors = Self { pinned: is_pinned(expression), ..Self::default() };
        // Only a pinned expression is given to the evaluator as a range.
        let step = step.filter(|_| selectors.pinned).map_or(STEP, |micros| (micros / 1000).max(1));
        selectors.walk(expression, Around { steps: 1, reach: 0 }, step)?;
        Ok(selectors)
    }

    /// What to read of a metric: no more than its selector finds, if there is only one.
    pub(super) fn selection(&self, metric: &str) -> SeriesSelection {
        let selection = SeriesSelection::new().with_metric(metric);
        match self.by_metric.get(metric).map(|found| found.matchers.as_slice()) {
            Some([matchers]) if self.nameless.is_none() => with(selection, matchers),
            _ => selection,
        }
    }

    /// Microseconds from the first to the last time at which subqueries ask for a metric, at each step of the whole.
    pub(super) fn reach(&self, metric: &str) -> i64 {
        let found = [self.by_metric.get(metric), self.nameless.as_ref()];
        found.into_iter().flatten().map(|found| found.reach.saturating_mul(1000)).max().unwrap_or(0)
    }

    fn walk(&mut self, expression: &Expr, around: Around, step: i64) -> Result<(), MetricsError> {
        let mut around = around;
        match expression {
            Expr::VectorSelector(selector) => self.see(selector, around),
            Expr::MatrixSelector(matrix) => self.see(&matrix.vector, around),
            Expr::Subquery(subquery) => around = self.enter(subquery, around, step)?,
            _ => {}
        }
        parts(expression).into_iter().try_for_each(|part| self.walk(part, around, step))
    }

    fn see(&mut self, selector: &VectorSelector, around: Around) {
        let found = match &selector.metric_name {
            Some(metric) => self.by_metric.entry(metric.clone()).or_default(),
            None => self.nameless.get_or_insert_default(),
        };
        found.matchers.push(selector.matchers.clone());
        found.reach = found.reach.max(around.reach);
    }

    fn enter(&mut self, subquery: &SubqueryExpr, around: Around, step: i64) -> Result<Around, MetricsError> {
        // A step of nothing is refused by the evaluator.
        let own = subquery.range.checked_div(subquery.step.unwrap_or(step)).unwrap_or(0).saturating_add(1);
        let steps = around.steps.saturating_mul(own);
        self.steps = self.steps.saturating_add(steps);
        if self.steps > MOST_STEPS {
            return Err(MetricsError::TooLarge(format!(
                "its subqueries take more than {MOST_STEPS} steps: give them a longer step or a shorter range, as in \
                 `[1d:10m]`"
            )));
        }
        Ok(Around { steps, reach: around.reach.saturating_add(subquery.range) })
    }
}

fn is_pinned(expression: &Expr) -> bool {
    let at = match expression {
        Expr::VectorSelector(selector) => selector.at.as_ref(),
        Expr::MatrixSelector(matrix) => matrix.vector.at.as_ref(),
        Expr::Subquery(subquery) => subquery.at.as_ref(),
        _ => None,
    };
    matches!(at, Some(AtModifier::Start | AtModifier::End)) || parts(expression).into_iter().any(is_pinned)
}

/// The expressions in an expression.
fn parts(expression: &Expr) -> Vec<&Expr> {
    match expression {
        Expr::NumberLiteral(_) | Expr::StringLiteral(_) | Expr::VectorSelector(_) | Expr::MatrixSelector(_) => {
            Vec::new()
        }
        Expr::Subquery(subquery) => vec![&subquery.expr],
        Expr::Unary(unary) => vec![&unary.expr],
        Expr::Binary(binary) => vec![&binary.lhs, &binary.rhs],
        Expr::Aggregation(aggregation) => {
            aggregation.param.as_deref().into_iter().chain([aggregation.expr.as_ref()]).collect()
        }
        Expr::Call(call) => call.args.iter().collect(),
        Expr::Paren(inner) => vec![inner],
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
