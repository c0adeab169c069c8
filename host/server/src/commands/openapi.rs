//! `opssight openapi`

pub(super) fn run() -> anyhow::Result<()> {
    super::say(opssight_api::openapi_json().trim_end())
}
