//! Values against the JSON Schemas that a manifest declares: settings, and inputs of actions.

use serde_json::Value;

/// Every place at which a value is not as a schema wants it: a JSON pointer, empty for the value as a whole, and what is
/// wrong there.
pub fn misfits(schema: &Value, value: &Value) -> Vec<(String, String)> {
    match jsonschema::validator_for(schema) {
        Ok(validator) => {
            validator.iter_errors(value).map(|error| (error.instance_path().to_string(), error.to_string())).collect()
        }
        Err(error) => vec![(String::new(), format!("the plugin's own schema is broken: {error}"))],
    }
}

#[cfg(test)]
mod tests {
    use super::misfits;
    use serde_json::json;

    #[test]
    fn every_misfit_is_told_with_its_place() {
        let schema = json!({
            "type": "object", "required": ["a"], "properties": { "n": { "type": "integer" }, "s": { "minLength": 1 } },
        });
        assert_eq!(misfits(&schema, &json!({ "a": 1, "n": 2, "s": "x" })), []);
        let places: Vec<String> =
            misfits(&schema, &json!({ "n": "two", "s": "" })).into_iter().map(|(at, _)| at).collect();
        assert!(places.contains(&String::new()) && places.contains(&"/n".to_owned()), "{places:?}");
        assert_eq!(places.len(), 3, "{places:?}");
        let broken = misfits(&json!({ "type": 7 }), &json!({}));
        assert!(broken.len() == 1 && broken[0].1.contains("schema is broken"), "{broken:?}");
    }
}
