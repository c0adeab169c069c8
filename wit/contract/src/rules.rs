//! What a contract may and may not say.

use crate::lines::Lines;

/// What is wrong, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// "source.pull".
    pub at: String,
    /// What is wrong and what would mend it.
    pub problem: String,
}

/// Names that WIT or a language of the SDKs keeps for itself. The first group is WIT's.
const RESERVED: [&str; 14] = [
    "stream", "future", "async", "map", "resource", "type", "from", "class", "function", "import", "return", "self",
    "package", "use",
];
/// Functions that answer with a whole list although it is not a page: one entry per entry of the question.
const WHOLE_LISTS: [&str; 4] = ["notifier.send", "inference.infer", "metrics.read", "detector.detect"];

/// Released lines that changed or went. New ones are fine.
pub fn against_lock(now: &Lines, lock: &Lines) -> Vec<Problem> {
    let problem = |at: &String, problem: String| Problem { at: at.clone(), problem };
    lock.iter()
        .filter_map(|(name, was)| match now.get(name) {
            None => Some(problem(name, "it was released and is gone: put it back".to_owned())),
            Some(is) if is != was => Some(problem(
                name,
                format!(
                    "it was released as \"{was}\" and is \"{is}\" now: every component built before would stop \
                         to link; put it back and add another function or interface beside it"
                ),
            )),
            Some(_) => None,
        })
        .collect()
}

/// Rules 3 to 6 of the contract.
pub fn of_style(lines: &Lines) -> Vec<Problem> {
    let mut problems = Vec::new();
    for (name, text) in lines.iter().filter(|(name, _)| !name.starts_with("world ")) {
        let mut wrong = |problem: &str| problems.push(Problem { at: name.clone(), problem: problem.to_owned() });
        let own = name.rsplit('.').next().unwrap_or(name);
        if RESERVED.contains(&own) {
            wrong("its name is a reserved word in WIT or in a language of the SDKs");
        }
        if text == "resource" || text.starts_with("method(") {
            wrong("it is a resource: results are records, because instances do not outlive their call");
        }
        if text.contains("result<") && !text.contains(", types.failure>") && !text.contains("result<_, types.failure>")
        {
            wrong("its error is not `failure`, whose class is what the host acts on");
        }
        let answer = text.split(" -> ").nth(1).unwrap_or("");
        let is_list = answer.starts_with("list<") || answer.starts_with("result<list<");
        if is_list && !answer.contains("list<u8>") && !WHOLE_LISTS.contains(&name.as_str()) {
            wrong("it answers with a list: lists are pages with a cursor or a checkpoint");
        }
        if text.contains("float64") || text.contains(": f64") && text.contains("amount") {
            wrong("money is never floating point: use nano-units");
        }
    }
    problems
}
