//! `{setting:base_url}` and `{input}` in what a manifest says.

use serde_json::Value;
use std::collections::BTreeMap;

/// What a template is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Use {
    /// A URL. What stands at its very beginning may be a URL itself; further on, only what cannot change which host
    /// is meant or step out of its path segment.
    Url,
    /// Text that nothing takes apart again.
    Text,
}

/// Fill in a template.
pub(crate) fn expand(
    template: &str,
    usage: Use,
    settings: &Value,
    inputs: &BTreeMap<String, String>,
) -> Result<String, String> {
    let mut text = String::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        text.push_str(before);
        let (name, after) = after.split_once('}').ok_or_else(|| format!("\"{template}\" has a brace too many"))?;
        let value = value(name, usage, settings, inputs)?;
        if usage == Use::Url && !text.is_empty() && !is_plain(&value) {
            return Err(format!("{name} may hold only letters, digits, dots, dashes and underscores"));
        }
        text.push_str(&value);
        // "https://ghe.example/" and "{setting:base_url}/app" must not become a double slash.
        rest = if usage == Use::Url && text.ends_with('/') { after.trim_start_matches('/') } else { after };
    }
    text.push_str(rest);
    Ok(text)
}

fn value(name: &str, usage: Use, settings: &Value, inputs: &BTreeMap<String, String>) -> Result<String, String> {
    let missing = || format!("{name} is not set");
    let Some(setting) = name.strip_prefix("setting:") else {
        // One that may stay empty is there and empty.
        return inputs.get(name).filter(|value| usage == Use::Text || !value.is_empty()).cloned().ok_or_else(missing);
    };
    match settings.get(setting) {
        Some(Value::String(text)) if !text.is_empty() => Ok(text.clone()),
        Some(Value::Number(number)) => Ok(number.to_string()),
        _ => Err(missing()),
    }
}

fn is_plain(value: &str) -> bool {
    value != ".."
        && value != "."
        && value.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '~'))
}

#[cfg(test)]
mod tests {
    use super::{Use, expand};
    use serde_json::json;
    use std::collections::BTreeMap;

    #[test]
    fn templates_are_filled_in_without_changing_the_host() {
        let settings =
            json!({ "base_url": "https://api.github.com/", "org": "acme", "evil": "x.evil.test/", "port": 8443 });
        let inputs: BTreeMap<_, _> = [("id".to_owned(), "42".to_owned()), ("at".to_owned(), "a@b".to_owned())].into();
        let cases = [
            ("{setting:base_url}", Some("https://api.github.com/")),
            ("{setting:base_url}/app/{id}/x", Some("https://api.github.com/app/42/x")),
            ("https://{setting:org}.example.test/", Some("https://acme.example.test/")),
            ("https://{setting:evil}.example.test/", None),
            ("https://{at}.example.test/", None),
            ("https://h:{setting:port}/", Some("https://h:8443/")),
            ("https://{setting:missing}/", None),
            ("https://{unclosed", None),
        ];
        for (template, expect) in cases {
            assert_eq!(expand(template, Use::Url, &settings, &inputs).ok().as_deref(), expect, "{template}");
        }
        assert_eq!(expand("{at}", Use::Text, &settings, &inputs).unwrap(), "a@b");
    }
}
