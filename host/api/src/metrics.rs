//! Metrics: expressions over what was measured, and which series there are. Everybody who is signed in may ask.

use crate::app::App;
use crate::extract::Query;
use crate::problem::Refusal;
use crate::router::Api;
use axum::Json;
use axum::extract::State;
use opssight_api_types::Time;
use opssight_api_types::metrics::{
    MetricsInstant, MetricsInstantQuery, MetricsLabelsQuery, MetricsList, MetricsRange, MetricsRangeQuery,
    MetricsSeries, MetricsSeriesQuery,
};
use opssight_core::metrics::{
    InstantQuery, LabelsQuery, MOST_POINTS, MOST_SERIES, MetricsError, RangeQuery, SeriesQuery, Window,
};
use opssight_core::time::Timestamp;
use std::sync::Arc;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

const HOUR_SECS: i64 = 3_600;
const DAY_SECS: i64 = 86_400;
/// Steps of a range whose step was not told: as many as a chart has room for.
const STEPS: i64 = 250;
/// Rows of a list whose limit was not told.
const ROWS: usize = 1_000;

pub(crate) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(query_metrics_range))
        .routes(routes!(query_metrics))
        .routes(routes!(list_metrics_series))
        .routes(routes!(list_metrics_labels))
}

/// An expression at every step of a range, in columns.
#[utoipa::path(
    get, path = "/api/v1/metrics/query_range", tag = "metrics", params(MetricsRangeQuery),
    responses(
        (status = 200, body = MetricsRange),
        (status = 400, description = "The expression is wrong, and where; or it asks for too much."),
        (status = 503, description = "The store of the metrics is not there now.")
    )
)]
async fn query_metrics_range(
    State(app): State<Arc<App>>,
    Query(query): Query<MetricsRangeQuery>,
) -> Result<Json<MetricsRange>, Refusal> {
    let window = window(&app, query.start, query.end, HOUR_SECS)?;
    let (start, step) = match query.step_secs {
        Some(step) => (window.start, i64::from(step) * 1_000_000),
        None => on_grid(window),
    };
    let query = RangeQuery { query: query.query, start, end: window.end, step };
    let steps = query.steps()?;
    let answer = app.series.query_range(&query).await.map_err(|error| refuse(&query.query, error))?;
    fits(steps, answer.len())?;
    Ok(Json(MetricsRange::of(&query, steps, answer)))
}

/// An expression at a moment.
#[utoipa::path(
    get, path = "/api/v1/metrics/query", tag = "metrics", params(MetricsInstantQuery),
    responses(
        (status = 200, body = MetricsInstant),
        (status = 400, description = "The expression is wrong, and where; or it asks for too much."),
        (status = 503, description = "The store of the metrics is not there now.")
    )
)]
async fn query_metrics(
    State(app): State<Arc<App>>,
    Query(query): Query<MetricsInstantQuery>,
) -> Result<Json<MetricsInstant>, Refusal> {
    let at = query.at.map_or_else(|| app.clock.now(), Timestamp::from);
    let query = InstantQuery { query: query.query, at };
    let answer = app.series.query(&query).await.map_err(|error| refuse(&query.query, error))?;
    Ok(Json(MetricsInstant::of(&query, answer)))
}

/// Series that a selector finds.
#[utoipa::path(
    get, path = "/api/v1/metrics/series", tag = "metrics", params(MetricsSeriesQuery),
    responses((status = 200, body = MetricsList<MetricsSeries>))
)]
async fn list_metrics_series(
    State(app): State<Arc<App>>,
    Query(query): Query<MetricsSeriesQuery>,
) -> Result<Json<MetricsList<MetricsSeries>>, Refusal> {
    let window = window(&app, query.start, query.end, DAY_SECS)?;
    let limit = limit(query.limit)?;
    let query = SeriesQuery { selector: query.selector, window, limit: limit + 1 };
    let found = app.series.series(&query).await.map_err(|error| refuse(&query.selector, error))?;
    Ok(Json(MetricsList::of(found, limit)))
}

/// Names of labels, or values of one.
#[utoipa::path(
    get, path = "/api/v1/metrics/labels", tag = "metrics", params(MetricsLabelsQuery),
    responses((status = 200, body = MetricsList<String>))
)]
async fn list_metrics_labels(
    State(app): State<Arc<App>>,
    Query(query): Query<MetricsLabelsQuery>,
) -> Result<Json<MetricsList<String>>, Refusal> {
    let window = window(&app, query.start, query.end, DAY_SECS)?;
    let (values_of, selector, limit) = (query.values_of, query.selector, limit(query.limit)?);
    let query = LabelsQuery { values_of, selector, window, limit: limit + 1 };
    let found = app.series.labels(&query).await;
    let found = found.map_err(|error| refuse(query.selector.as_deref().unwrap_or_default(), error))?;
    Ok(Json(MetricsList::of(found, limit)))
}

fn window(app: &App, start: Option<Time>, end: Option<Time>, back_secs: i64) -> Result<Window, Refusal> {
    let end = end.map_or_else(|| app.clock.now(), Timestamp::from);
    let start = start.map_or_else(|| end.plus_secs(-back_secs), Timestamp::from);
    if start > end {
        return Err(Refusal::field("/start", "must not be after the end"));
    }
    Ok(Window { start, end })
}

/// Columns have a place for every step of every series, also where a store found few points.
fn fits(steps: i64, series: usize) -> Result<(), MetricsError> {
    let places = usize::try_from(steps).unwrap_or(usize::MAX).saturating_mul(series);
    if places > MOST_POINTS {
        return Err(MetricsError::TooLarge(format!(
            "{series} series of {steps} steps have more than {MOST_POINTS} places: ask for a longer step or a shorter \
             range, select less, or add up"
        )));
    }
    Ok(())
}

fn limit(limit: Option<usize>) -> Result<usize, Refusal> {
    match limit.unwrap_or(ROWS) {
        limit if (1..=MOST_SERIES).contains(&limit) => Ok(limit),
        _ => Err(Refusal::field("/limit", format!("must be between 1 and {MOST_SERIES}"))),
    }
}

/// A step of our choice, and the first one: whole buckets of what is rolled up lie between such steps, and a chart that is
/// drawn anew a moment later shows the same.
fn on_grid(window: Window) -> (Timestamp, i64) {
    let step = fitting(window.end.since(window.start));
    (Timestamp(window.start.0 - window.start.0.rem_euclid(step)), step)
}

/// A step that people can read, in microseconds.
fn fitting(range: i64) -> i64 {
    const READABLE: [i64; 14] = [1, 5, 10, 15, 30, 60, 120, 300, 600, 1_800, 3_600, 4 * 3_600, DAY_SECS, 7 * DAY_SECS];
    let least = range / STEPS;
    let found = READABLE.into_iter().map(|secs| secs * 1_000_000).find(|step| *step >= least);
    found.unwrap_or(30 * DAY_SECS * 1_000_000)
}

/// A wrong expression names its place as people count: the first character is 1.
fn refuse(query: &str, error: MetricsError) -> Refusal {
    let MetricsError::Query { problem, at } = &error else { return Refusal::from(error) };
    let problem = opssight_core::fact::clean(problem);
    let placed = match at.and_then(|at| query.get(..at)) {
        Some(before) => format!("{problem}, at character {}", before.chars().count() + 1),
        None => problem,
    };
    Refusal::field("/query", placed).with_code("bad-query")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{World, json, problem};
    use axum::body::Body;
    use axum::http::Request;

    #[tokio::test]
    async fn a_range_is_told_in_columns_with_a_place_for_every_step() {
        let world = World::new();
        let path =
            "/api/v1/metrics/query_range?query=up&start=2026-01-01T00:00:00Z&end=2026-01-01T00:03:00Z&step_secs=60";
        let answer = json(world.get(path).await).await;
        let column =
            serde_json::json!({ "metric": "up", "labels": { "host": "a" }, "values": [1.0, null, null, -2.5] });
        let expect = serde_json::json!({
            "start": "2026-01-01T00:00:00Z", "step_ms": 60_000, "steps": 4, "series": [column],
        });
        assert_eq!(answer, expect);
    }

    #[tokio::test]
    async fn a_moment_and_the_lists_are_told() {
        let world = World::new();
        let answer = json(world.get("/api/v1/metrics/query?query=up&at=2026-01-01T00:00:00Z").await).await;
        let point = serde_json::json!({ "at": "2026-01-01T00:00:00Z", "value": 1.5 });
        let row = serde_json::json!({ "metric": "up", "labels": { "host": "a" }, "points": [point] });
        assert_eq!(answer, serde_json::json!({ "at": "2026-01-01T00:00:00Z", "series": [row] }));
        let answer = json(world.get("/api/v1/metrics/query?query=up&at=1969-01-01T00:00:00Z").await).await;
        assert_eq!(answer["warnings"], serde_json::json!(["it is long ago"]));
        let answer = json(world.get("/api/v1/metrics/series?selector=up").await).await;
        assert_eq!((&answer["items"][0]["labels"]["host"], &answer["more"]), (&"a".into(), &false.into()));
        let answer = json(world.get("/api/v1/metrics/labels?values_of=host").await).await;
        assert_eq!(answer, serde_json::json!({ "items": ["a", "b", "c"], "more": false }));
        let answer = json(world.get("/api/v1/metrics/labels?values_of=host&limit=3").await).await;
        assert_eq!(answer, serde_json::json!({ "items": ["a", "b", "c"], "more": false }));
        let answer = json(world.get("/api/v1/metrics/labels?values_of=host&limit=2").await).await;
        assert_eq!(answer, serde_json::json!({ "items": ["a", "b"], "more": true }));
    }

    #[tokio::test]
    async fn who_may_only_look_may_ask_and_who_is_nobody_may_not() {
        let world = World::new();
        let ask = |viewer: Option<String>| {
            let request = Request::get("/api/v1/metrics/query?query=up");
            let request = viewer.into_iter().fold(request, |request, token| request.header("authorization", token));
            request.body(Body::empty()).unwrap()
        };
        assert_eq!(world.send(ask(Some(world.session(opssight_core::identity::Role::Viewer)))).await.status(), 200);
        assert_eq!(world.send(ask(None)).await.status(), 401);
    }

    #[tokio::test]
    async fn what_is_refused_says_what_and_where() {
        let world = World::new();
        let check = async |query: &str, status: u16, says: &str| {
            let (got, problem) = problem(world.get(&format!("/api/v1/metrics/{query}")).await).await;
            assert_eq!(got, status, "{query}: {problem}");
            assert!(problem.to_string().contains(says), "{query}: {problem}");
        };
        check("query?query=%C3%BCbel", 400, "expected an end, at character 2").await;
        check("query?query=%C3%BCbel", 400, r#""at":"/query""#).await;
        check("query?query=down", 503, "cannot be used now").await;
        check("query_range?query=up&step_secs=0", 400, "at least one second").await;
        check("query_range?query=up&start=2025-01-01T00:00:00Z&step_secs=1", 400, "longer step").await;
        let day = "start=2026-01-01T00:00:00Z&end=2026-01-02T00:00:00Z";
        check(&format!("query_range?query=many&{day}&step_secs=10"), 400, "more than 500000 places").await;
        check("query_range?query=up&end=2025-01-01T00:00:00Z&start=2026-01-01T00:00:00Z", 400, "/start").await;
        check("series?selector=up&limit=0", 400, "between 1 and 2000").await;
        check("query?query=up&colour=red", 400, "unknown field").await;
    }

    #[test]
    fn steps_of_our_choice_lie_at_whole_multiples() {
        let check = |start: &str, end: &str, expect: &str, step_secs: i64| {
            let at = |text: &str| Timestamp::from(text.parse::<Time>().unwrap());
            let got = on_grid(Window { start: at(start), end: at(end) });
            assert_eq!(got, (at(expect), step_secs * 1_000_000), "{start}");
        };
        check("2026-01-01T00:07:03.5Z", "2026-01-01T01:07:03.5Z", "2026-01-01T00:07:00Z", 15);
        check("2026-01-01T11:07:03Z", "2026-01-02T11:07:03Z", "2026-01-01T11:00:00Z", 600);
        check("2026-01-01T00:00:00Z", "2026-06-01T00:00:00Z", "2026-01-01T00:00:00Z", DAY_SECS);
    }

    #[test]
    fn a_step_that_was_not_told_is_one_that_people_can_read() {
        let check =
            |range_secs: i64, step_secs: i64| assert_eq!(fitting(range_secs * 1_000_000), step_secs * 1_000_000);
        check(0, 1);
        check(HOUR_SECS, 15);
        check(DAY_SECS, 600);
        check(30 * DAY_SECS, 4 * HOUR_SECS);
        check(3_000 * DAY_SECS, 30 * DAY_SECS);
    }
}
