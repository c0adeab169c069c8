//! What a host asked of its disk and answered to its senders, in order, as `strace` writes it down.

use std::collections::HashMap;
use std::io::{BufRead, BufReader};
use std::path::Path;

/// One of the files of a SQLite store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Part {
    Pages,
    Log,
}

impl Part {
    pub(crate) const ALL: [Self; 2] = [Self::Pages, Self::Log];

    pub(crate) fn file(self) -> &'static str {
        match self {
            Self::Pages => "opssight.sqlite",
            Self::Log => "opssight.sqlite-wal",
        }
    }
}

#[derive(Debug)]
pub(crate) enum Step {
    Write {
        part: Part,
        at: usize,
        bytes: Vec<u8>,
    },
    Truncate {
        part: Part,
        length: usize,
    },
    /// A flush begins: it covers what was written before. More than one may be under way: each has its number.
    FlushBegins {
        part: Part,
        number: usize,
    },
    /// It is done.
    FlushEnds {
        part: Part,
        number: usize,
    },
    /// Somebody is told that a delivery was accepted.
    Accepted(String),
}

/// What has to be traced for it.
pub(crate) const CALLS: &str = "trace=pwrite64,fsync,fdatasync,ftruncate,sendto,write,writev,pwritev,pwritev2,\
                                fallocate,copy_file_range,sync_file_range,rename,unlink,unlinkat";

/// All steps. Of calls that change files, and that SQLite does not make today, none is overlooked.
pub(crate) fn read(file: &Path) -> Vec<Step> {
    let file = std::fs::File::open(file).expect("the trace");
    let (mut steps, mut flushing) = (Vec::new(), HashMap::new());
    for line in BufReader::new(file).lines() {
        let line = line.expect("text");
        let Some((thread, rest)) = line.split_once(' ') else { continue };
        let rest = rest.trim_start();
        if rest.starts_with("<... fsync") || rest.starts_with("<... fdatasync") {
            if let Some((part, number)) = flushing.remove(thread) {
                steps.push(Step::FlushEnds { part, number });
            }
            continue;
        }
        let Some((call, arguments)) = rest.split_once('(') else { continue };
        let is_done = !arguments.ends_with("<unfinished ...>");
        let part = part_of(arguments);
        match (call, part) {
            ("fsync" | "fdatasync", Some(part)) => {
                let number = steps.len();
                steps.push(Step::FlushBegins { part, number });
                if is_done {
                    steps.push(Step::FlushEnds { part, number });
                } else {
                    flushing.insert(thread.to_owned(), (part, number));
                }
            }
            ("pwrite64", Some(part)) => {
                let bytes = texts(arguments).remove(0);
                let numbers = numbers(arguments);
                assert_eq!(numbers.first(), Some(&bytes.len()), "the trace has the whole of it");
                steps.push(Step::Write { part, at: numbers[1], bytes });
            }
            ("ftruncate", Some(part)) => {
                steps.push(Step::Truncate { part, length: numbers(arguments)[0] });
            }
            ("sendto" | "write" | "writev", None) => steps.extend(accepted(arguments).map(Step::Accepted)),
            (_, Some(part)) => unknown(call, part),
            (_, None) => {}
        }
    }
    steps
}

fn unknown(call: &str, part: Part) -> ! {
    println!("{call} of {part:?}: the trace cannot say what became of it");
    std::process::exit(1)
}

/// Of the file that the call's first argument stands for or names.
fn part_of(arguments: &str) -> Option<Part> {
    let path = match arguments.split_once('<') {
        Some((number, path)) if !number.contains('"') => unescaped(path.split_once('>')?.0),
        _ => texts(arguments).into_iter().next()?,
    };
    Part::ALL.into_iter().find(|part| path.ends_with(format!("/{}", part.file()).as_bytes()))
}

/// The id of ours that an answer to a sender tells.
fn accepted(arguments: &str) -> Option<String> {
    // Most calls are about other things, and are long.
    const STATUS: &str = r"\x48\x54\x54\x50\x2f\x31\x2e\x31\x20\x32\x30\x32";
    if !arguments.contains(STATUS) {
        return None;
    }
    ids(&texts(arguments).concat()).next()
}

/// The ids of deliveries in some bytes.
pub(crate) fn ids(bytes: &[u8]) -> impl Iterator<Item = String> {
    const BEGINS: &[u8] = b"dlv_";
    let starts = bytes.windows(BEGINS.len()).enumerate().filter(|(_, window)| *window == BEGINS);
    starts.map(|(at, _)| {
        let id = bytes[at + BEGINS.len()..].iter().take_while(|byte| byte.is_ascii_alphanumeric());
        format!("dlv_{}", String::from_utf8_lossy(&id.copied().collect::<Vec<u8>>()))
    })
}

/// What stands between quotes.
fn texts(arguments: &str) -> Vec<Vec<u8>> {
    arguments.split('"').skip(1).step_by(2).map(unescaped).collect()
}

/// What stands behind the last text, or behind the file.
fn numbers(arguments: &str) -> Vec<usize> {
    let at = arguments.rfind('"').or_else(|| arguments.find('>'));
    let behind = at.map_or(arguments, |at| &arguments[at + 1..]);
    let end = behind.find([')', '<']).unwrap_or(behind.len());
    behind[..end].split([',', ' ']).filter_map(|number| number.parse().ok()).collect()
}

/// `\x6f\x70`.
fn unescaped(text: &str) -> Vec<u8> {
    text.as_bytes().chunks(4).filter_map(|byte| u8::from_str_radix(str::from_utf8(&byte[2..]).ok()?, 16).ok()).collect()
}
