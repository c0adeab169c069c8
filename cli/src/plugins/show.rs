//! `opssight plugin list` and `opssight plugin inspect`.

use crate::Session;
use crate::Time;
use crate::error::CliError;
use crate::list::Row;
use crate::ui::table::{Field, Table, Tone};
use crate::ui::{Ui, format};
use opssight_api_types::plugins::Plugin;
use serde_json::Value;

/// An installed plugin, or a package that is not installed.
pub(super) async fn inspect(session: &mut Session, named: &str) -> Result<(), CliError> {
    if super::package::is_file(named) {
        let package = super::package::Package::read(named)?;
        let shown = super::package::inspect(session, &package).await?;
        let text = super::consent::describe(&shown.value);
        return session.ui.document(&shown.tree, &shown.value.plugin, |ui| ui.write(text.as_bytes()));
    }
    let plugin = session.client.get::<Plugin>(&["plugins", named], &()).await?;
    session.ui.document(&plugin.tree, &plugin.value.id, |ui| print(ui, &plugin.value))
}

/// How it stands, in a word or two.
pub(super) fn state(plugin: &Plugin) -> Field {
    let tone = match plugin.state.as_str() {
        "active" => Tone::Good,
        "disabled" => Tone::Muted,
        _ => Tone::Bad,
    };
    let more = match (&plugin.waiting, &plugin.shadow) {
        (Some(_), _) => ", update waits",
        (None, Some(_)) => ", has a shadow",
        (None, None) => "",
    };
    Field::toned(format!("{}{more}", plugin.state), tone)
}

impl Row for Plugin {
    const PLURAL: &'static str = "plugins";
    const HEADER: &'static [&'static str] =
        &["ID", "NAME", "VERSION", "STATE", "PUBLISHER", "KINDS", "CALLS", "FAILED"];
    const WHOLE: &'static [usize] = &[0, 2, 3, 6, 7];

    fn id(&self) -> &str {
        &self.id
    }

    fn fields(&self, _: Time) -> Vec<Field> {
        let failed: u64 = self.stats.failures.values().sum();
        vec![
            (&self.id).into(),
            (&self.name).into(),
            (&self.version).into(),
            state(self),
            (&self.publisher).into(),
            self.kinds.join(", ").into(),
            self.stats.calls.to_string().into(),
            Field::toned(failed.to_string(), if failed > 0 { Tone::Bad } else { Tone::Plain }),
        ]
    }
}

pub(super) fn print(ui: &mut Ui, plugin: &Plugin) -> Result<(), CliError> {
    ui.table(&about(plugin))?;
    let sections = [
        ("MAY SEND TO", egress(plugin)),
        ("SETTINGS", settings(plugin)),
        ("CREDENTIALS", credentials(plugin)),
        ("FEEDS", feeds(plugin)),
        ("ACTIONS", actions(plugin)),
        ("BUDGETS PER CALL", budgets(plugin)),
        ("LAST FAILURES", faults(plugin)),
    ];
    for (title, table) in sections {
        if !table.is_empty() {
            ui.write_line(&format!("\n{title}"))?;
            ui.table(&table)?;
        }
    }
    Ok(())
}

fn about(plugin: &Plugin) -> Table {
    let stats = &plugin.stats;
    let mut sheet = Table::sheet();
    sheet.entry("Plugin", format!("{} ({}) {}", plugin.name, plugin.id, plugin.version));
    sheet.entry("Is", &plugin.description);
    sheet.entry("State", state(plugin));
    sheet.entry_if(
        "Waits",
        plugin.waiting.as_ref().map(|waiting| {
            format!("version {}: `opssight plugin approve {}` shows what it wants more", waiting.version, plugin.id)
        }),
    );
    sheet.entry_if(
        "Shadow",
        plugin.shadow.as_ref().map(|shadow| {
            let (version, compared, different) = (&shadow.version, shadow.compared, shadow.different);
            format!("version {version}: {compared} of {} calls compared, {different} different", shadow.calls)
        }),
    );
    sheet.entry("Publisher", &plugin.publisher);
    sheet.entry("Signed", plugin.signer.as_ref().map_or("by nobody", |signer| signer.key.as_str()));
    sheet.entry("Licence", &plugin.licence);
    sheet.entry_if("Home page", plugin.homepage.as_ref());
    sheet.entry("Package", format!("{} ({})", plugin.digest, format::bytes(plugin.size)));
    sheet.entry("Kinds", plugin.kinds.join(", "));
    for (index, ability) in plugin.abilities.iter().enumerate() {
        sheet.entry(if index == 0 { "Can" } else { "" }, ability);
    }
    sheet.entry("Calls", format!("{}, failed by fault: {}", stats.calls, counted(&stats.failures)));
    if !stats.classes.is_empty() {
        sheet.entry("Failed by class", counted(&stats.classes));
    }
    for (kind, of) in &stats.kinds {
        sheet.entry("", format!("{kind}: {} calls, {} failed", of.calls, of.failed));
    }
    sheet.entry("CPU per call", format!("{} us median, {} us p99", stats.cpu_us_p50, stats.cpu_us_p99));
    sheet.entry("Wall time per call", format!("{} us median, {} us p99", stats.wall_us_p50, stats.wall_us_p99));
    sheet.entry("Most memory", format::bytes(stats.memory_bytes_max));
    sheet.entry("Requests", format!("{} sent, {} refused", stats.egress_requests, stats.egress_denied));
    if stats.log_lines_dropped > 0 {
        sheet.entry("Log lines dropped", Field::toned(stats.log_lines_dropped.to_string(), Tone::Bad));
    }
    sheet.entry_if("Last error", stats.last_error.as_ref().map(|error| Field::toned(error, Tone::Bad)));
    sheet
}

/// "2 auth, 1 trap".
fn counted(counts: &std::collections::BTreeMap<String, u64>) -> String {
    let counts: Vec<_> = counts.iter().map(|(name, count)| format!("{count} {name}")).collect();
    if counts.is_empty() { "none".to_owned() } else { counts.join(", ") }
}

/// The last failure of each connection.
fn faults(plugin: &Plugin) -> Table {
    let mut table = Table::new(&["CONNECTION", "WHEN", "KIND", "CLASS", "ERROR"]).whole(&[0, 2, 3]);
    for fault in &plugin.stats.last_faults {
        table.row(vec![
            (&fault.connection).into(),
            fault.at.to_rfc3339_opts(chrono::SecondsFormat::Secs, true).into(),
            (&fault.kind).into(),
            (&fault.error.class).into(),
            format!("{} ({}): {}", fault.error.code, fault.error.fault, fault.error.message).into(),
        ]);
    }
    table
}

fn egress(plugin: &Plugin) -> Table {
    let mut table = Table::new(&["URL", "METHODS", "CREDENTIAL", "WHY"]);
    for rule in &plugin.egress {
        let credential = format::text_or_dash(rule.credential.as_deref());
        table.row(vec![(&rule.url).into(), rule.methods.join(" ").into(), credential.into(), (&rule.reason).into()]);
    }
    table
}

/// One line per property of the schema; the whole schema is in `-o json`.
fn settings(plugin: &Plugin) -> Table {
    let mut table = Table::new(&["KEY", "TYPE", "REQUIRED", "WHAT"]).whole(&[0]);
    let schema = &plugin.settings_schema;
    let required = schema.get("required").and_then(Value::as_array);
    let is_required = |key: &str| required.is_some_and(|keys| keys.iter().any(|required| required == key));
    let mut properties: Vec<_> = schema.get("properties").and_then(Value::as_object).into_iter().flatten().collect();
    properties.sort_by_key(|(key, _)| (!is_required(key), key.as_str()));
    for (key, property) in properties {
        let text = |name: &str| property.get(name).and_then(Value::as_str).unwrap_or_default();
        let what = if text("description").is_empty() { text("title") } else { text("description") };
        table.row(vec![
            key.into(),
            kind(property).into(),
            if is_required(key) { "yes" } else { "no" }.into(),
            what.into(),
        ]);
    }
    table
}

fn kind(property: &Value) -> String {
    match property.get("type") {
        Some(Value::String(kind)) => kind.clone(),
        Some(Value::Array(kinds)) => kinds.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" or "),
        _ => format::dash(),
    }
}

fn credentials(plugin: &Plugin) -> Table {
    let mut table = Table::new(&["CREDENTIAL", "SCHEME", "INPUT", "SECRET", "WHAT"]).whole(&[0, 1, 2]);
    for form in &plugin.credentials {
        let name = if form.optional { format!("{} (optional)", form.name) } else { form.name.clone() };
        for scheme in &form.schemes {
            for input in &scheme.inputs {
                let what = if input.help.is_empty() { &input.title } else { &input.help };
                table.row(vec![
                    (&name).into(),
                    (&scheme.scheme).into(),
                    format!("{}.{}", form.name, input.name).into(),
                    if input.secret { "yes" } else { "no" }.into(),
                    what.into(),
                ]);
            }
        }
    }
    table
}

fn feeds(plugin: &Plugin) -> Table {
    let mut table = Table::new(&["FEED", "TITLE", "EVERY", "PRIORITY"]).whole(&[0]);
    for feed in &plugin.feeds {
        let every = format::duration(i64::from(feed.every_secs) * 1000);
        table.row(vec![(&feed.name).into(), (&feed.title).into(), every.into(), (&feed.priority).into()]);
    }
    table
}

fn actions(plugin: &Plugin) -> Table {
    let mut table = Table::new(&["ACTION", "ON", "ROLE", "DANGER", "WHAT"]).whole(&[0]);
    for action in &plugin.actions {
        let tone = if action.danger == "danger" { Tone::Bad } else { Tone::Plain };
        table.row(vec![
            (&action.name).into(),
            (&action.subject).into(),
            (&action.role).into(),
            Field::toned(&action.danger, tone),
            (&action.description).into(),
        ]);
    }
    table
}

fn budgets(plugin: &Plugin) -> Table {
    let mut table = Table::new(&["KIND", "CPU", "WALL", "MEMORY", "REQUESTS", "RESPONSE"]);
    for (kind, budget) in &plugin.budgets {
        table.row(vec![
            kind.into(),
            format!("{} ms", budget.cpu_ms).into(),
            format!("{} ms", budget.wall_ms).into(),
            format!("{} MiB", budget.memory_mib).into(),
            budget.requests.to_string().into(),
            format!("{} KiB", budget.response_kib).into(),
        ]);
    }
    table
}
