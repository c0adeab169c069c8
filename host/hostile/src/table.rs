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

What the contract or the house has no place for is attacked in the nearest form that there is:

- There is no `char` (row 33) and no `init` export (row 2): nothing of a plugin runs before its first call, so that
  what it does to its start ends that call, and its installation stands.
- There is no resource that a guest hands to the host (rows 6 and 37): a destructor runs in the guest's own call, and
  what is left of its handles goes with its instance.
- There are no events between plugins (rows 50 to 52): what they can make too much of is items, pages and cursors.
- Who can send requests and declares none (row 23) is not refused: whoever installs it is told, and each request is.
- Names are looked up by a resolver of the corpus in the place of the system's resolver (rows 58 to 61): of a CNAME, a host sees the
  address at its end.
- Nothing is preopened, and no import of a file system is linked (row 73): there are no paths to play with.
- Nothing sends a notification again yet (rows 75b to 75d): what must hold is that nothing of a failed call counts as
  sent, and that ids stay the same.
- A guest may hold two full answers of 10 MiB, and row 69 makes one hold them: it is allowed 30 MiB, and not 20.
- Markup and formulas are text like any other (row 35): the host makes no pages and no tables of what plugins say. Its
  answers are JSON that no browser may take for anything else.
- Rows 20 and 24 are shorter here than the list asks for: 2,000 packages and 200 files. `--mutants 100000` makes it
  100,000 and 10,000.

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
