//! The recorded upstream has another port each time: in case files `{base_url}` stands for its address.

use serde_json::{Map, Value};

/// What stands for the address.
pub(super) const NAME: &str = "{base_url}";

/// Values of a case, with the address in them.
pub(super) fn filled_in(fields: Map<String, Value>, base_url: &str) -> Map<String, Value> {
    replaced_in(fields, NAME, base_url)
}

/// Values as a case would write them.
pub(super) fn left_out(fields: Map<String, Value>, base_url: &str) -> Map<String, Value> {
    replaced_in(fields, base_url, NAME)
}

fn replaced_in(fields: Map<String, Value>, from: &str, to: &str) -> Map<String, Value> {
    fields.into_iter().map(|(key, value)| (key, replaced(value, from, to))).collect()
}

fn replaced(value: Value, from: &str, to: &str) -> Value {
    match value {
        Value::String(text) => text.replace(from, to).into(),
        Value::Array(values) => values.into_iter().map(|value| replaced(value, from, to)).collect(),
        Value::Object(fields) => Value::Object(replaced_in(fields, from, to)),
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
        let written = written.as_object().unwrap().clone();
        let placed = filled_in(written.clone(), "http://127.0.0.1:9");
        assert_eq!(placed["links"][0]["next"], "<http://127.0.0.1:9/2>");
        assert_eq!(left_out(placed, "http://127.0.0.1:9"), written);
    }
}
