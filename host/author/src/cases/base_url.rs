//! The recorded upstream has another port each time: in case files `{base_url}` stands for its address.

use serde_json::Value;

/// What stands for the address.
const NAME: &str = "{base_url}";

/// A value of a case, with the address in it.
pub(super) fn filled_in(value: Value, base_url: &str) -> Value {
    replaced(value, NAME, base_url)
}

/// A value as a case would write it.
pub(super) fn left_out(value: Value, base_url: &str) -> Value {
    replaced(value, base_url, NAME)
}

fn replaced(value: Value, from: &str, to: &str) -> Value {
    match value {
        Value::String(text) => text.replace(from, to).into(),
        Value::Array(values) => values.into_iter().map(|value| replaced(value, from, to)).collect(),
        Value::Object(fields) => fields.into_iter().map(|(key, value)| (key, replaced(value, from, to))).collect(),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::{filled_in, left_out};
    use serde_json::json;

    #[test]
    fn an_address_is_filled_in_wherever_it_stands_and_left_out_again() {
        let written = json!({ "base_url": "{base_url}", "links": [{ "next": "<{base_url}/2>" }, 7, null] });
        let placed = filled_in(written.clone(), "http://127.0.0.1:9");
        assert_eq!(placed["links"][0]["next"], "<http://127.0.0.1:9/2>");
        assert_eq!(left_out(placed, "http://127.0.0.1:9"), written);
    }
}
