//! What an expression selects, and how often its subqueries ask, read from its tree before it is worked out.

use super::position::parse;
use opssight_core::metrics::rollups::Edges;
use opssight_core::metrics::{MOST_STEPS, MetricsError};
use std::collections::BTreeMap;
use tsink::promql::ast::{AtModifier, Expr, LabelMatcher, MatchOp, MatrixSelector, SubqueryExpr, VectorSelector};
use tsink::{SeriesMatcher, SeriesMatcherOp, SeriesSelection};

/// From step to step of a subquery that does not tell, unless the evaluator is asked for a range: milliseconds.
const STEP: i64 = 60_000;

/// Steps up to which the ends of each window are told one by one, so that all but the ends of it may be rolled up.
const FEW: i64 = 32;

/// When an expression is asked for: at `start` and at each of so many steps, microseconds.
#[derive(Clone, Copy)]
pub(super) struct Asked {
    pub(super) start: i64,
    pub(super) step: i64,
    pub(super) steps: i64,
}

/// The selectors of an expression.
pub(super) struct Selectors {
    asked: Asked,
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
    /// Of windows: what all times at which one begins or ends are multiples of, microseconds.
    grain: i64,
    /// Of windows: how long before a step each begins and ends; none if not all are asked for at the steps themselves.
    windows: Option<Vec<[i64; 2]>>,
}

/// The subqueries around a part of an expression.
#[derive(Clone, Copy)]
struct Around {
    steps: i64,
    reach: i64,
    grain: i64,
    nested: bool,
}

impl Selectors {
    /// Of an expression. One whose subqueries take too many steps is refused: nothing ends them once they are begun.
    pub(super) fn of(expression: &Expr, asked: Asked) -> Result<Self, MetricsError> {
        let pinned = is_pinned(expression);
        let mut selectors = Self { asked, by_metric: BTreeMap::new(), nameless: None, steps: 0, pinned };
        // Only a pinned expression is given to the evaluator as a range.
        let step = if pinned && asked.steps > 1 { (asked.step / 1000).max(1) } else { STEP };
        let grain = if asked.steps > 1 { gcd(asked.start, asked.step) } else { asked.start };
        selectors.walk(expression, Around { steps: 1, reach: 0, grain, nested: false }, step)?;
        Ok(selectors)
    }

    /// What to read of a metric for a name: no more than its selector finds, if there is only one.
    pub(super) fn selection(&self, name: &str, metric: &str) -> SeriesSelection {
        let selection = SeriesSelection::new().with_metric(metric);
        match self.by_metric.get(name).map(|found| found.matchers.as_slice()) {
            Some([matchers]) if self.nameless.is_none() => with(selection, matchers),
            _ => selection,
        }
    }

    /// Where the windows of a name begin and end.
    pub(super) fn edges(&self, name: &str) -> Edges {
        let Some(found) = self.by_metric.get(name) else { return Edges::Anywhere };
        match &found.windows {
            Some(windows) if self.asked.steps <= FEW => {
                let at = |n: i64| self.asked.start.saturating_add(n.saturating_mul(self.asked.step));
                let ends = |n: i64| windows.iter().flatten().map(move |before| at(n).saturating_sub(*before));
                let mut edges: Vec<i64> = (0..self.asked.steps).flat_map(ends).collect();
                edges.sort_unstable();
                edges.dedup();
                Edges::At(edges)
            }
            _ => Edges::Multiples(found.grain),
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
            Expr::VectorSelector(selector) => drop(self.see(selector, around)),
            Expr::MatrixSelector(matrix) => self.see_window(matrix, around),
            Expr::Subquery(subquery) => around = self.enter(subquery, around, step)?,
            _ => {}
        }
        parts(expression).into_iter().try_for_each(|part| self.walk(part, around, step))
    }

    fn see(&mut self, selector: &VectorSelector, around: Around) -> &mut Found {
        let found = match &selector.metric_name {
            Some(metric) => self.by_metric.entry(metric.clone()).or_default(),
            None => self.nameless.get_or_insert_default(),
        };
        found.matchers.push(selector.matchers.clone());
        found.reach = found.reach.max(around.reach);
        found
    }

    fn see_window(&mut self, MatrixSelector { vector, range }: &MatrixSelector, around: Around) {
        let (ends, begins) = (micros(vector.offset), micros(vector.offset.saturating_add(*range)));
        let grain = pinned_to(gcd(around.grain, gcd(ends, begins)), vector.at.as_ref());
        let found = self.see(vector, around);
        // Only the first one has no other grain before it.
        let first = found.matchers.len() == 1;
        found.grain = if first { grain } else { gcd(found.grain, grain) };
        let others = if first { Some(Vec::new()) } else { found.windows.take() };
        let told = !around.nested && vector.at.is_none();
        found.windows = others.filter(|_| told).map(|mut windows| {
            windows.push([begins, ends]);
            windows
        });
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
        let own = gcd(micros(subquery.step.unwrap_or(step)), gcd(micros(subquery.range), micros(subquery.offset)));
        let grain = pinned_to(gcd(around.grain, own), subquery.at.as_ref());
        Ok(Around { steps, reach: around.reach.saturating_add(subquery.range), grain, nested: true })
    }
}

fn micros(millis: i64) -> i64 {
    millis.saturating_mul(1000)
}

/// With a moment that is told, in seconds. One that is no whole second divides nothing that matters here.
fn pinned_to(grain: i64, at: Option<&AtModifier>) -> i64 {
    match at {
        None => grain,
        #[expect(clippy::cast_possible_truncation, reason = "a time in seconds is far below 2^53")]
        Some(AtModifier::Timestamp(secs)) if secs.fract() == 0.0 => gcd(grain, micros(micros(*secs as i64))),
        Some(_) => 1,
    }
}

/// What both are multiples of; nought is one of everything.
fn gcd(a: i64, b: i64) -> i64 {
    let (mut a, mut b) = (a.saturating_abs(), b.saturating_abs());
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
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
