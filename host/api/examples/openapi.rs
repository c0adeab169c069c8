//! Writes the OpenAPI document to standard output.

use std::io::Write;

fn main() -> std::io::Result<()> {
    std::io::stdout().write_all(opssight_api::openapi_json().as_bytes())
}
