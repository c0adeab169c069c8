//! What a person sees before they agree.

use crate::error::CliError;
use crate::ui::table::{Field, Table, Tone};
use crate::ui::{Ui, format};
use opssight_api_types::plugins::installs::{Ability, AbilityChange, Inspection};

/// Loudest first.
const RISKS: [(&str, &str, Tone); 3] =
    [("danger", "DANGEROUS", Tone::Bad), ("caution", "WITH CAUTION", Tone::Active), ("safe", "SAFE", Tone::Plain)];

/// The package, and what it can do; of an update only what changes.
pub(super) fn describe(package: &Inspection) -> String {
    let mut text = sheet(package).render(None, false);
    match &package.update {
        Some(change) => text.push_str(&changed(change)),
        None => {
            text.push_str("\nIt\n");
            text.push_str(&by_risk(&package.abilities, "  "));
            text.push_str(&format!("  {}\n", format::line(&package.cannot)));
        }
    }
    for remark in &package.remarks {
        text.push_str(&format!("\nNote: {}\n", format::line(remark)));
    }
    if let Some(refused) = &package.refused {
        text.push_str(&format!("\nIt would be refused: {}\n", format::line(&refused.message)));
    }
    text
}

fn sheet(package: &Inspection) -> Table {
    let mut sheet = Table::sheet();
    sheet.entry("Plugin", format!("{} ({}) {}", package.name, package.plugin, package.version));
    sheet.entry("Is", &package.description);
    sheet.entry("Publisher", &package.publisher);
    let key = match &package.signer {
        None => Field::toned("signed by nobody", Tone::Bad),
        Some(signer) if package.new_key => Field::toned(
            format!("{} (new here: it will be the only one trusted for {})", signer.key, signer.publisher),
            Tone::Active,
        ),
        Some(signer) => Field::from(&signer.key),
    };
    sheet.entry("Key", key);
    sheet.entry("Package", format!("{} ({})", package.digest, format::bytes(package.size)));
    if let Some(change) = &package.update {
        sheet.entry("Updates", format!("version {}", change.from));
    }
    sheet
}

/// What an update changes, or that it changes nothing.
pub(super) fn changed(change: &AbilityChange) -> String {
    let mut text = String::new();
    if !change.added.is_empty() {
        text.push_str("\nNEW: it also\n");
        text.push_str(&by_risk(&change.added, "+ "));
    }
    if !change.raised.is_empty() {
        text.push_str("\nNEW: it may use more\n");
        for raised in &change.raised {
            let size =
                |budget: Option<u32>| budget.map_or_else(|| "all of its kind's limit".to_owned(), |n| n.to_string());
            text.push_str(&format!(
                "+ {}: {} instead of {}\n",
                format::line(&raised.name),
                size(raised.now),
                size(raised.then)
            ));
        }
    }
    if !change.removed.is_empty() {
        text.push_str("\nNO LONGER: it\n");
        for ability in &change.removed {
            text.push_str(&format!("- {}\n", format::line(&ability.says)));
        }
    }
    if text.is_empty() {
        text.push_str("\nIt can do what the version that runs can do, and no more.\n");
    }
    text
}

fn by_risk(abilities: &[Ability], mark: &str) -> String {
    let mut text = String::new();
    for (risk, title, _) in RISKS {
        let mut of_risk = abilities.iter().filter(|ability| ability.risk == risk).peekable();
        if of_risk.peek().is_some() {
            text.push_str(&format!("  {title}\n"));
        }
        for ability in of_risk {
            text.push_str(&format!("  {mark}{}\n", format::line(&ability.says)));
        }
    }
    text
}

/// What a connection to a plugin gives it.
pub(crate) fn given(abilities: &[Ability]) -> String {
    by_risk(abilities, "  ")
}

/// Ask for it; without somebody to ask, say how to give it.
pub(super) async fn ask(ui: &mut Ui, question: &str, digest: &str) -> Result<(), CliError> {
    match ui.confirm(question).await {
        Err(CliError::Usage(_)) => Err(CliError::Usage(format!(
            "it needs your consent, and there is no terminal to ask on: look at what it can do, then say --consent {digest}"
        ))),
        answer => answer,
    }
}
