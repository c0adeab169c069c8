//! An error in one line, as it is said when a command ends of it and when the doctor finds it.

use std::error::Error;

/// "failed to a: b: c". Libraries repeat a cause at the end of what they say; here it stands once.
pub(crate) fn failed(error: &(dyn Error + 'static)) -> String {
    let mut text = format!("failed to {error}");
    let mut cause = error.source();
    while let Some(error) = cause {
        let said = error.to_string();
        if !text.ends_with(&said) {
            text.push_str(": ");
            text.push_str(&said);
        }
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::failed;

    #[derive(Debug, thiserror::Error)]
    #[error("{said}")]
    struct Said {
        said: &'static str,
        source: Option<Box<Said>>,
    }

    #[test]
    fn each_cause_is_said_once() {
        let said = |chain: &[&'static str]| {
            let nested = chain.iter().rev().fold(None, |source, said| Some(Box::new(Said { said, source })));
            failed(&*nested.unwrap())
        };
        assert_eq!(said(&["open it", "read it", "gone"]), "failed to open it: read it: gone");
        assert_eq!(said(&["open it", "from the disk: full", "full"]), "failed to open it: from the disk: full");
        assert_eq!(said(&["open it"]), "failed to open it");
    }
}
