//! What `wit-bindgen` makes of the contract. Nothing here is for people: the rest of the crate gives it names.
//!
//! The host's interfaces and the shared types are generated once, in [`host`]; each kind has a world of its
//! own that borrows those types, so that one component can export any combination of kinds and every kind
//! speaks of the same `Item`.

pub mod host {
    wit_bindgen::generate!({
        inline: "
            package opssight:sdk;
            world host {
                include opssight:plugin/powers@1.0.0;
                import wasi:clocks/wall-clock@0.2.12;
            }
        ",
        path: "../../wit/1.0",
        generate_all,
        generate_unused_types: true,
        additional_type_attributes: {
            "opssight:plugin/types@1.0.0/failure": [#[derive(PartialEq, Eq)]],
            "opssight:plugin/types@1.0.0/page-request": [#[derive(PartialEq, Eq)]],
            "opssight:plugin/types@1.0.0/item": [#[derive(PartialEq, Eq)]],
            "opssight:plugin/types@1.0.0/series": [#[derive(PartialEq)]],
        },
    });
}

macro_rules! kind {
    ($module:ident, $world:literal) => {
        pub mod $module {
            wit_bindgen::generate!({
                world: $world,
                path: "../../wit/1.0",
                pub_export_macro: true,
                default_bindings_module: "opssight_plugin::bindings",
                with: {
                    "opssight:plugin/types@1.0.0": crate::bindings::host::opssight::plugin::types,
                    "opssight:plugin/log@1.0.0": crate::bindings::host::opssight::plugin::log,
                    "opssight:plugin/settings@1.0.0": crate::bindings::host::opssight::plugin::settings,
                },
            });
        }
    };
}

kind!(health, "health-kind");
kind!(source, "source-kind");
kind!(webhook, "webhook-kind");
kind!(actions, "actions-kind");
kind!(notifier, "notifier-kind");
kind!(costs, "costs-kind");
kind!(inventory, "inventory-kind");
kind!(detector, "detector-kind");
