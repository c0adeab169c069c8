//! What a page may load and run: our own files, and exactly the inline scripts that it was exported with.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

/// The policy of a script: a worker is bound by that of its own script, not by that of the page which starts it, and
/// the live stream's has to load its parts and to ask the API.
pub(super) const WORKER: &str =
    "default-src 'none'; script-src 'self'; connect-src 'self'; base-uri 'none'; frame-ancestors 'none'";

/// The policy of a page.
pub(super) fn policy(html: &str) -> String {
    let mut scripts = "script-src 'self'".to_owned();
    for script in inline_scripts(html) {
        let hash = format!(" 'sha256-{}'", STANDARD.encode(Sha256::digest(script.as_bytes())));
        if !scripts.contains(&hash) {
            scripts.push_str(&hash);
        }
    }
    format!(
        "default-src 'none'; {scripts}; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self'; \
         connect-src 'self'; worker-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'self'; \
         frame-ancestors 'none'"
    )
}

/// The text of every script element without `src`.
fn inline_scripts(html: &str) -> Vec<&str> {
    let mut scripts = Vec::new();
    let mut rest = html;
    while let Some(at) = find(rest, "<script") {
        rest = rest.get(at + "<script".len()..).unwrap_or_default();
        let Some(end) = end_of_tag(rest) else { break };
        let attributes = rest.get(..end).unwrap_or_default();
        rest = rest.get(end + 1..).unwrap_or_default();
        let Some(close) = find(rest, "</script") else { break };
        let text = rest.get(..close).unwrap_or_default();
        rest = rest.get(close..).unwrap_or_default();
        // "<scripture" is another element.
        let is_script = attributes.is_empty() || attributes.starts_with(|c: char| c.is_whitespace() || c == '/');
        if is_script && !has_src(attributes) && !text.is_empty() {
            scripts.push(text);
        }
    }
    scripts
}

fn has_src(attributes: &str) -> bool {
    attributes.split_whitespace().any(|attribute| attribute == "src" || attribute.starts_with("src="))
}

/// Where a tag's `>` is, quoted values aside.
fn end_of_tag(rest: &str) -> Option<usize> {
    let mut quote = None;
    rest.bytes().position(|byte| match quote {
        Some(open) => {
            if byte == open {
                quote = None;
            }
            false
        }
        None => {
            if byte == b'"' || byte == b'\'' {
                quote = Some(byte);
            }
            byte == b'>'
        }
    })
}

/// Tags are found in any case.
fn find(text: &str, tag: &str) -> Option<usize> {
    text.as_bytes().windows(tag.len()).position(|window| window.eq_ignore_ascii_case(tag.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inline_scripts_are_found_and_others_are_not() {
        let check = |html: &str, expect: &[&str]| assert_eq!(inline_scripts(html), expect, "{html}");
        check("<script>a()</script>", &["a()"]);
        check("<SCRIPT id=\"x\">a()</Script ><script>b()</script>", &["a()", "b()"]);
        check("<script src=\"/a.js\" async=\"\"></script><script>b()</script>", &["b()"]);
        check("<script data-x=\"a>b\">if (a > b) c()</script>", &["if (a > b) c()"]);
        check("<script></script><p>no script</p>", &[]);
        check("<script>never closed", &[]);
    }

    #[test]
    fn a_policy_names_the_hash_of_each_inline_script_once() {
        let policy = policy("<script>alert(1)</script><script>alert(1)</script>");
        // echo -n 'alert(1)' | openssl dgst -sha256 -binary | base64
        assert_eq!(policy.matches("'sha256-bhHHL3z2vDgxUt0W3dWQOrprscmda2Y5pLsLg4GF+pI='").count(), 1, "{policy}");
        assert!(policy.starts_with("default-src 'none'; script-src 'self' 'sha256-"), "{policy}");
        assert!(!policy.contains("script-src 'self' 'unsafe-inline'"));
    }
}
