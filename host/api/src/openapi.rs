//! The description of the API, from the same declarations as its routes.

use opssight_api_types::Problem;
use std::collections::{BTreeMap, BTreeSet};
use utoipa::openapi::path::Operation;
use utoipa::openapi::schema::{Array, ArrayItems};
use utoipa::openapi::security::{
    ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme,
};
use utoipa::openapi::{
    ContentBuilder, InfoBuilder, LicenseBuilder, OpenApi, Ref, RefOr, Response, ResponseBuilder, Schema,
};
use utoipa::{PartialSchema, ToSchema};

/// OpenAPI 3.1 of every endpoint.
pub fn openapi() -> OpenApi {
    let mut api = crate::router::declared();
    api.info = InfoBuilder::new()
        .title("OpsSight")
        .version("1")
        .description(Some(
            "Pipelines, deployments and delivery performance, and the connections that they are seen through. \
             Lists are pages with a cursor; errors are problems (RFC 9457); times are RFC 3339 in UTC and durations \
             whole milliseconds.",
        ))
        .license(Some(LicenseBuilder::new().name("Apache-2.0").identifier(Some("Apache-2.0")).build()))
        .build();
    let components = api.components.get_or_insert_default();
    let mut schemas: Vec<(String, RefOr<Schema>)> = vec![(Problem::name().into_owned(), Problem::schema())];
    Problem::schemas(&mut schemas);
    components.schemas.extend(schemas);
    rows_by_name(&mut components.schemas);
    components.add_security_scheme(
        "token",
        SecurityScheme::Http(HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("opstok").build()),
    );
    components.add_security_scheme(
        "session",
        SecurityScheme::ApiKey(ApiKey::Cookie(ApiKeyValue::with_description(
            crate::auth::COOKIE,
            "Set by signing in. What changes anything also needs the header `x-opssight-csrf: 1`.",
        ))),
    );
    for item in api.paths.paths.values_mut() {
        let operations = [&mut item.get, &mut item.post, &mut item.put, &mut item.patch, &mut item.delete];
        operations.into_iter().flatten().for_each(complete);
    }
    api
}

/// [`openapi`] as it is checked in: indented, in a stable order, with a line break at its end.
pub fn openapi_json() -> String {
    match openapi().to_pretty_json() {
        Ok(text) => text + "\n",
        // The document is made of text and maps with text keys; there is nothing in it that JSON cannot hold.
        Err(error) => {
            tracing::error!(%error, "could not write the OpenAPI document");
            String::new()
        }
    }
}

/// The rows of a page by their schema's name; utoipa writes the whole schema out again for a generic's parameter.
fn rows_by_name(schemas: &mut BTreeMap<String, RefOr<Schema>>) {
    let names: BTreeSet<String> = schemas.keys().cloned().collect();
    for (name, schema) in schemas.iter_mut() {
        let Some(row) = name.strip_prefix("Page_").filter(|row| names.contains(*row)) else { continue };
        let RefOr::T(Schema::Object(page)) = schema else { continue };
        let items = page.properties.get_mut("items");
        if let Some(RefOr::T(Schema::Array(Array { items: ArrayItems::RefOrSchema(rows), .. }))) = items {
            **rows = Ref::from_schema_name(row).into();
        }
    }
}

/// What is true of every operation: who may ask, and how it refuses.
fn complete(operation: &mut Operation) {
    if operation.security.is_none() {
        operation.security = Some(vec![
            SecurityRequirement::new::<_, [String; 0], String>("token", []),
            SecurityRequirement::new::<_, [String; 0], String>("session", []),
        ]);
        let text = "No session, or one that has ended.";
        operation.responses.responses.entry("401".to_owned()).or_insert_with(|| problem(text).into());
    }
    let responses = &mut operation.responses.responses;
    for (status, response) in responses.iter_mut() {
        let RefOr::T(response) = response else { continue };
        let refuses = status.starts_with('4') || status.starts_with('5');
        if refuses && response.content.is_empty() {
            response.content = problem("").content;
        }
        if response.description.is_empty() {
            response.description = "What was asked for.".to_owned();
        }
    }
    responses.entry("default".to_owned()).or_insert_with(|| problem("Any other refusal or failure.").into());
}

fn problem(description: &str) -> Response {
    let schema = Ref::from_schema_name(Problem::name());
    ResponseBuilder::new()
        .description(description)
        .content("application/problem+json", ContentBuilder::new().schema(Some(schema)).build())
        .build()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Those that ask for no session.
    const OPEN: [&str; 8] = [
        "show_health",
        "sign_in",
        "show_invitation",
        "join",
        "show_version",
        "is_alive",
        "receive_delivery",
        "is_ready",
    ];

    fn operations() -> Vec<(String, Operation)> {
        let operations = |(path, item): (String, utoipa::openapi::PathItem)| {
            let all = [item.get, item.post, item.put, item.patch, item.delete];
            all.into_iter().flatten().map(move |operation| (path.clone(), operation)).collect::<Vec<_>>()
        };
        openapi().paths.paths.into_iter().flat_map(operations).collect()
    }

    #[test]
    fn every_operation_has_a_name_of_its_own_a_summary_and_a_tag() {
        let mut names = BTreeSet::new();
        for (path, operation) in operations() {
            let name = operation.operation_id.unwrap();
            assert!(names.insert(name.clone()), "two operations are called {name}");
            assert!(operation.summary.is_some_and(|summary| !summary.is_empty()), "{path}");
            assert_eq!(operation.tags.unwrap().len(), 1, "{path}");
        }
        assert_eq!(names.len(), 81);
    }

    #[test]
    fn everything_but_health_hooks_and_signing_in_needs_a_session() {
        let schemes = |operation: &Operation| -> usize {
            let text = serde_json::to_string(&operation.security).unwrap();
            ["token", "session"].into_iter().filter(|scheme| text.contains(scheme)).count()
        };
        for (path, operation) in operations() {
            let open = OPEN.contains(&operation.operation_id.as_deref().unwrap_or_default());
            assert_eq!(schemes(&operation), if open { 0 } else { 2 }, "{path}");
            let responses = &operation.responses.responses;
            assert!(open || responses.contains_key("401"), "{path}");
            assert!(responses.contains_key("default"), "{path}");
        }
    }

    #[test]
    fn every_reference_leads_somewhere_and_the_text_is_stable() {
        let text = openapi_json();
        assert_eq!(text, openapi_json());
        assert!(text.ends_with("}\n"));
        let api = openapi();
        let schemas = api.components.unwrap().schemas;
        for reference in text.split("\"#/components/schemas/").skip(1) {
            let name = reference.split('"').next().unwrap();
            assert!(schemas.contains_key(name), "{name}");
        }
    }
}
