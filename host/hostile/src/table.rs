//! The corpus as a page of the documentation, made from the cases so that it cannot say anything else.

use crate::case::Case;
use crate::measure::{DOOR_P99_MS, REMAINS_MIB};
use std::fmt::Write;

const HEAD: &str = "# The hostile corpus

<!-- Written by `cargo xtask hostile --table`; change host/hostile instead. -->

What a plugin or a package may try, and what the host does about it. Each row is run against the real plugin host, in a
process of its own: `cargo xtask hostile` runs all, `cargo xtask hostile --row 58` one, with `--seed` and `--mutants` for
those that roll dice. `cargo xtask test` runs them as the stage `hostile`. `cargo xtask hostile --mutate 30m` changes
packages, components, manifests and answers at random for so long (row 20c is a short stretch of it): every mutant follows
from its seed and its number, and one that should not have gone as it went is kept, with the words that make it again.

Numbers are those of the threat list that this corpus began with; letters are variants, X rows were added since.

";

/// The page.
pub fn page(cases: &[Case]) -> String {
    let mut page = HEAD.to_owned();
    let _written = writeln!(
        page,
        "In every row, the host process lives; a probe on the API's own runtime is answered within {DOOR_P99_MS} ms (99th
percentile) and never fails; resident memory grows by at most what the row says (100 MiB unless it says less) and comes
back to within {REMAINS_MIB} MiB; a neighbour plugin that is called ten times a second gets every answer within a second;
a failure of the guest is on record exactly once, with the row's code; and every line of the host's log is one that the
host began, with nothing in it that acts on a terminal. A row in which only a latency was exceeded is
run once more, and both are shown.

What the contract has no place for is attacked in the nearest form that it has: there is no `char` (row 33), no `init`
export (row 2), no resource that a guest hands to the host (rows 6 and 37), and there are no events between plugins (rows
50 to 52).

| row | name | family | attack | the host must | memory |
|---|---|---|---|---|---|"
    );
    for case in cases {
        let _written = writeln!(
            page,
            "| {} | {} | {} | {} | {} | +{} MiB |",
            case.row,
            case.name,
            case.family.name(),
            cell(case.attack),
            cell(case.must),
            case.rss_mib
        );
    }
    page
}

fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}
