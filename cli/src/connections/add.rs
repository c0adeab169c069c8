//! `opssight connections add`.

use super::input::{self, CredentialFlag, SchemeFlag, Setting, Source};
use crate::Session;
use crate::error::CliError;
use crate::ui::Ui;
use clap::Args;
use opssight_api_types::connections::{Connection, CredentialInput, Grants, NewConnection};
use opssight_api_types::plugins::Plugin;
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

#[derive(Debug, Args)]
#[command(
    after_help = "`opssight plugin inspect PLUGIN` shows its settings and credentials. The webhook secret is shown \
    in the answer to this command and never again.\n\nExamples:\n  \
    opssight connections add --plugin github --name acme --set repositories=acme/web --set repositories=acme/api \\\n    \
    --credential api.token=@token.txt\n  \
    opssight connections add --plugin github --name ghe --settings ghe.json --scheme api=jwt-bearer \\\n    \
    --credential api.app_id=12345 --credential api.private_key=@app.pem --grant-network 10.20.0.0/16\n  \
    pass show github | opssight connections add --plugin github --name acme --credential api.token=-"
)]
pub struct AddArgs {
    /// Which plugin
    #[arg(long, value_name = "ID")]
    plugin: String,

    /// What to call it
    #[arg(long, value_name = "NAME")]
    name: String,

    /// A setting: text or JSON; give it again to make a list
    #[arg(long = "set", value_name = "KEY=VALUE", value_parser = input::setting)]
    settings: Vec<Setting>,

    /// Settings from a JSON file (`-`: standard input); --set goes over them
    #[arg(long = "settings", value_name = "FILE")]
    settings_file: Option<PathBuf>,

    /// An input of a credential, from a file (`@token.txt`), standard input (`-`) or as it stands
    #[arg(long = "credential", value_name = "CREDENTIAL.INPUT=VALUE", value_parser = input::credential)]
    credentials: Vec<CredentialFlag>,

    /// Which way to give a credential, where its inputs do not tell
    #[arg(long = "scheme", value_name = "CREDENTIAL=SCHEME", value_parser = input::scheme)]
    schemes: Vec<SchemeFlag>,

    /// A private network that it may reach
    #[arg(long = "grant-network", value_name = "CIDR")]
    networks: Vec<String>,

    /// Let it use plain http to the granted networks
    #[arg(long, requires = "networks")]
    allow_http: bool,

    /// Something that the plugin can do and this connection does not give, by its key
    #[arg(long = "withhold", value_name = "ABILITY")]
    withheld: Vec<String>,
}

pub(super) async fn add(session: &mut Session, args: AddArgs) -> Result<(), CliError> {
    one_reader_of_input(&args)?;
    let plugin = session.client.get::<Plugin>(&["plugins", &args.plugin], &()).await?.value;
    let mut settings = match &args.settings_file {
        Some(path) => settings_file(&mut session.ui, path)?,
        None => Map::new(),
    };
    settings.extend(input::settings(&args.settings, &plugin.settings_schema));
    let withheld: BTreeSet<String> = args.withheld.into_iter().collect();
    consented(session, &plugin, &withheld);
    let new = NewConnection {
        name: args.name,
        plugin: args.plugin,
        settings: Value::Object(settings),
        credentials: credentials(&mut session.ui, &args.credentials, &args.schemes, &plugin)?,
        grants: Grants { networks: args.networks, insecure_http: args.allow_http, withheld },
        consent: Some(plugin.digest.clone()),
    };
    let made = session.client.post::<Connection>(&["connections"], &new).await?;
    let hook = super::hook(session, &made.value);
    session.ui.document(&made.tree, &made.value.id, |ui| super::print(ui, &made.value, hook.as_deref()))?;
    advise(session, &made.value, &plugin);
    Ok(())
}

/// What the connection gives the plugin. If another version runs by the time that the server hears of it, it says so.
fn consented(session: &mut Session, plugin: &Plugin, withheld: &BTreeSet<String>) {
    let gives: Vec<_> = plugin.can.iter().filter(|ability| !withheld.contains(&ability.key)).cloned().collect();
    let abilities = crate::plugins::given(&gives);
    session
        .ui
        .note(&format!("With this connection, {} {} ({})\n{abilities}", plugin.name, plugin.version, plugin.digest));
}

fn advise(session: &mut Session, connection: &Connection, plugin: &Plugin) {
    if connection.webhook_secret.is_some() {
        session.ui.note("\nThe webhook secret is shown this once: put it and the hook address in at the upstream now.");
    }
    if connection.hook_path.is_some() && session.client.server().is_loopback() {
        session.ui.note("The upstream can not reach this machine's loopback: use the server's public address.");
    }
    if let Some(webhook) = &plugin.webhook {
        session.ui.note(&format!("\n{}", webhook.setup.trim()));
    }
    session.ui.note(&format!("\nNext: `opssight connections check {}`.", connection.name));
}

fn one_reader_of_input(args: &AddArgs) -> Result<(), CliError> {
    let settings = usize::from(args.settings_file.as_deref() == Some(Path::new("-")));
    let credentials = args.credentials.iter().filter(|flag| flag.source == Source::Input).count();
    if settings + credentials > 1 {
        return Err(CliError::Usage("only one flag can read standard input (`-`)".to_owned()));
    }
    Ok(())
}

fn settings_file(ui: &mut Ui, path: &Path) -> Result<Map<String, Value>, CliError> {
    let text = if path == Path::new("-") { ui.read_input("the settings")? } else { read(path)? };
    match serde_json::from_str(&text) {
        Ok(Value::Object(settings)) => Ok(settings),
        Ok(_) => Err(CliError::Usage(format!("{} does not hold a JSON object", path.display()))),
        Err(error) => Err(CliError::Usage(format!("{} is not JSON: {error}", path.display()))),
    }
}

fn read(path: &Path) -> Result<String, CliError> {
    std::fs::read_to_string(path).map_err(|source| CliError::File { doing: "read", path: path.to_owned(), source })
}

fn credentials(
    ui: &mut Ui,
    flags: &[CredentialFlag],
    schemes: &[SchemeFlag],
    plugin: &Plugin,
) -> Result<BTreeMap<String, CredentialInput>, CliError> {
    let mut given: BTreeMap<String, BTreeMap<String, String>> = BTreeMap::new();
    for flag in flags {
        let value = match &flag.source {
            Source::File(path) => one_end_off(read(path)?),
            Source::Input => one_end_off(ui.read_input("the credential")?),
            Source::Literal(value) => {
                if input::is_secret(plugin, flag) {
                    ui.warn(&format!(
                        "others on this machine can see {}.{} in the process list and in your shell's history; \
                         use @file or - instead",
                        flag.credential, flag.input
                    ));
                }
                value.clone()
            }
        };
        let inputs = given.entry(flag.credential.clone()).or_default();
        if inputs.insert(flag.input.clone(), value).is_some() {
            return Err(CliError::Usage(format!("{}.{} is given twice", flag.credential, flag.input)));
        }
    }
    for flag in schemes {
        given.entry(flag.credential.clone()).or_default();
    }
    let mut filled = BTreeMap::new();
    for (name, inputs) in given {
        let scheme = input::choose_scheme(plugin, &name, &inputs, schemes).map_err(CliError::Usage)?;
        filled.insert(name, CredentialInput { scheme, inputs });
    }
    Ok(filled)
}

/// Editors and `echo` end a file with a line end that is no part of the secret. A key in PEM form does not mind.
fn one_end_off(mut text: String) -> String {
    if text.ends_with('\n') {
        text.pop();
        if text.ends_with('\r') {
            text.pop();
        }
    }
    text
}
