//! From WIT to lines.

use anyhow::{Context, Result};
use std::collections::BTreeMap;
use std::path::Path;
use wit_parser::decoding::{DecodedWasm, decode};
use wit_parser::{
    Function, FunctionKind, Handle, Interface, PackageName, Resolve, Type, TypeDef, TypeDefKind, TypeOwner,
};

/// Name ("source.pull") and text ("func(feed: string) -> ..."), in order of names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Lines(BTreeMap<String, String>);

impl Lines {
    /// From the form in which they are written down.
    pub fn parse(text: &str) -> Self {
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        Self(lines.filter_map(|line| line.split_once(": ")).map(|(a, b)| (a.to_owned(), b.to_owned())).collect())
    }

    /// To the form in which they are written down.
    pub fn text(&self) -> String {
        self.0.iter().map(|(name, text)| format!("{name}: {text}\n")).collect()
    }

    /// One of them.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = (&String, &String)> {
        self.0.iter()
    }
}

/// The contract in a folder of WIT.
pub fn of_folder(folder: &Path) -> Result<Lines> {
    let mut resolve = Resolve::default();
    let (package, _) = resolve.push_dir(folder).with_context(|| format!("read {}", folder.display()))?;
    let package = resolve.packages.get(package).context("find the package")?;
    let mut lines = Lines::default();
    for id in package.interfaces.values() {
        if let Some(interface) = resolve.interfaces.get(*id) {
            describe(&resolve, interface, &mut lines);
        }
    }
    for (name, id) in &package.worlds {
        if let Some(world) = resolve.worlds.get(*id) {
            let names = |items: &indexed::Items| {
                let mut names: Vec<String> = items.keys().map(|key| resolve.name_world_key(key)).collect();
                names.sort();
                names.join(", ")
            };
            let text = format!("world imports [{}] exports [{}]", names(&world.imports), names(&world.exports));
            lines.0.insert(format!("world {name}"), text);
        }
    }
    Ok(lines)
}

mod indexed {
    pub(super) type Items = wit_parser::IndexMap<wit_parser::WorldKey, wit_parser::WorldItem>;
}

/// What a component imports and exports of the contract.
pub fn of_component(component: &[u8]) -> Result<Lines> {
    let decoded = decode(component).context("read the component's types")?;
    let DecodedWasm::Component(resolve, world) = decoded else {
        anyhow::bail!("it is a WIT package, not a component");
    };
    let world = resolve.worlds.get(world).context("find the component's world")?;
    let mut lines = Lines::default();
    for item in world.imports.values().chain(world.exports.values()) {
        let wit_parser::WorldItem::Interface { id, .. } = item else { continue };
        let Some(interface) = resolve.interfaces.get(*id) else { continue };
        if is_ours(&resolve, interface) {
            describe(&resolve, interface, &mut lines);
        }
    }
    Ok(lines)
}

fn package_name<'a>(resolve: &'a Resolve, interface: &Interface) -> Option<&'a PackageName> {
    resolve.packages.get(interface.package?).map(|package| &package.name)
}

fn is_ours(resolve: &Resolve, interface: &Interface) -> bool {
    package_name(resolve, interface).is_some_and(|name| name.namespace == "opssight" && name.name == "plugin")
}

fn describe(resolve: &Resolve, interface: &Interface, lines: &mut Lines) {
    let name = interface.name.as_deref().unwrap_or("");
    for (ty, id) in &interface.types {
        let Some(def) = resolve.types.get(*id) else { continue };
        // A borrowed type is described where it is defined; a component keeps only the types that it uses.
        if !matches!(def.kind, TypeDefKind::Type(_)) || matches!(def.kind, TypeDefKind::Type(inner) if !is_id(inner)) {
            lines.0.insert(format!("{name}.{ty}"), definition(resolve, def));
        }
    }
    for (function_name, function) in &interface.functions {
        lines.0.insert(format!("{name}.{function_name}"), signature(resolve, function));
    }
}

fn is_id(ty: Type) -> bool {
    matches!(ty, Type::Id(_))
}

fn signature(resolve: &Resolve, function: &Function) -> String {
    let params: Vec<String> =
        function.params.iter().map(|param| format!("{}: {}", param.name, named(resolve, &param.ty))).collect();
    let result = function.result.as_ref().map_or_else(String::new, |ty| format!(" -> {}", named(resolve, ty)));
    let kind = match function.kind {
        FunctionKind::Freestanding => "func",
        _ => "method",
    };
    format!("{kind}({}){result}", params.join(", "))
}

fn definition(resolve: &Resolve, def: &TypeDef) -> String {
    match &def.kind {
        TypeDefKind::Record(record) => {
            let fields: Vec<String> =
                record.fields.iter().map(|field| format!("{}: {}", field.name, named(resolve, &field.ty))).collect();
            format!("record {{ {} }}", fields.join(", "))
        }
        TypeDefKind::Enum(cases) => {
            let names: Vec<&str> = cases.cases.iter().map(|case| case.name.as_str()).collect();
            format!("enum {{ {} }}", names.join(", "))
        }
        TypeDefKind::Variant(variant) => {
            let cases: Vec<String> = variant
                .cases
                .iter()
                .map(|case| match &case.ty {
                    Some(ty) => format!("{}({})", case.name, named(resolve, ty)),
                    None => case.name.clone(),
                })
                .collect();
            format!("variant {{ {} }}", cases.join(", "))
        }
        TypeDefKind::Flags(flags) => {
            let names: Vec<&str> = flags.flags.iter().map(|flag| flag.name.as_str()).collect();
            format!("flags {{ {} }}", names.join(", "))
        }
        TypeDefKind::Resource => "resource".to_owned(),
        TypeDefKind::Type(ty) => format!("type {}", named(resolve, ty)),
        _ => format!("type {}", anonymous(resolve, def)),
    }
}

/// A type where it is used: by its name if it has one, across interfaces with the interface's name.
fn named(resolve: &Resolve, ty: &Type) -> String {
    let Type::Id(id) = ty else { return format!("{ty:?}").to_ascii_lowercase() };
    let Some(def) = resolve.types.get(*id) else { return "?".to_owned() };
    if let TypeDefKind::Type(inner @ Type::Id(_)) = &def.kind {
        return named(resolve, inner);
    }
    match (&def.name, def.owner) {
        (Some(name), TypeOwner::Interface(owner)) => {
            let interface = resolve.interfaces.get(owner).and_then(|interface| interface.name.as_deref());
            format!("{}.{name}", interface.unwrap_or(""))
        }
        (Some(name), _) => name.clone(),
        (None, _) => anonymous(resolve, def),
    }
}

fn anonymous(resolve: &Resolve, def: &TypeDef) -> String {
    let optional = |ty: &Option<Type>| ty.as_ref().map_or_else(|| "_".to_owned(), |ty| named(resolve, ty));
    match &def.kind {
        TypeDefKind::List(ty) => format!("list<{}>", named(resolve, ty)),
        TypeDefKind::Option(ty) => format!("option<{}>", named(resolve, ty)),
        TypeDefKind::Result(result) => format!("result<{}, {}>", optional(&result.ok), optional(&result.err)),
        TypeDefKind::Tuple(tuple) => {
            let types: Vec<String> = tuple.types.iter().map(|ty| named(resolve, ty)).collect();
            format!("tuple<{}>", types.join(", "))
        }
        TypeDefKind::Handle(Handle::Own(id) | Handle::Borrow(id)) => {
            format!("handle<{}>", named(resolve, &Type::Id(*id)))
        }
        TypeDefKind::Type(ty) => named(resolve, ty),
        other => format!("{other:?}"),
    }
}
