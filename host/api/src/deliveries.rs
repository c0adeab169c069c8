//! The delivery log.

use crate::app::App;
use crate::extract::Query;
use crate::paging::page;
use crate::problem::Refusal;
use crate::router::Api;
use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use opssight_api_types::Page;
use opssight_api_types::deliveries::{Delivery, DeliveryDetail, DeliveryQuery};
use opssight_core::error::Kind;
use opssight_core::events::Topic;
use opssight_core::hooks;
use opssight_core::id::{ConnectionId, DeliveryId};
use std::sync::Arc;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(crate) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(list_deliveries))
        .routes(routes!(show_delivery))
        .routes(routes!(replay_delivery))
}

/// Deliveries, newest first.
#[utoipa::path(
    get, path = "/api/v1/deliveries", tag = "deliveries", params(DeliveryQuery),
    responses((status = 200, body = Page<Delivery>))
)]
async fn list_deliveries(
    State(app): State<Arc<App>>,
    Query(query): Query<DeliveryQuery>,
) -> Result<Json<Page<Delivery>>, Refusal> {
    let query = hooks::DeliveryQuery {
        page: page(query.cursor.as_deref(), query.limit)?,
        connection: query.connection.map(ConnectionId),
        state: query.state.map(hooks::DeliveryState::from),
        event: query.event,
    };
    Ok(Json(Page::of(app.inbox.deliveries(&query).await?, Delivery::from)))
}

/// One delivery, with what it carried.
#[utoipa::path(
    get, path = "/api/v1/deliveries/{id}", tag = "deliveries",
    params(("id" = String, Path, description = "Our id of the delivery.")),
    responses((status = 200, body = DeliveryDetail), (status = 404, description = "No such delivery."))
)]
async fn show_delivery(State(app): State<Arc<App>>, Path(id): Path<String>) -> Result<Json<DeliveryDetail>, Refusal> {
    Ok(Json(find(&app, id.into()).await?.into()))
}

/// Process a delivery again. Replaying changes nothing that is right already.
#[utoipa::path(
    post, path = "/api/v1/deliveries/{id}/replay", tag = "deliveries",
    params(("id" = String, Path, description = "Our id of the delivery.")),
    responses(
        (status = 202, description = "Back in line.", body = Delivery),
        (status = 404, description = "No such delivery."),
        (status = 409, description = "It is not done with, or its body was not kept."),
    )
)]
async fn replay_delivery(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
) -> Result<(StatusCode, Json<Delivery>), Refusal> {
    let id = DeliveryId(id);
    if !app.inbox.replay(&id, app.clock.now()).await? {
        let (delivery, _) = find(&app, id).await?;
        let state = delivery.state.as_str();
        let detail =
            format!("the delivery is {state} and cannot be replayed: it still waits, or its body was not kept");
        return Err(Refusal::new(Kind::Conflict, detail).with_code("not-replayable"));
    }
    app.bus.wake(Topic::Inbox);
    let (delivery, _) = find(&app, id).await?;
    Ok((StatusCode::ACCEPTED, Json(delivery.into())))
}

async fn find(app: &App, id: DeliveryId) -> Result<(hooks::Delivery, hooks::DeliveryBody), Refusal> {
    app.inbox.delivery(&id).await?.ok_or_else(|| Refusal::not_found("delivery", id.as_str()))
}
