//! The macro that turns a type into a component.

/// Export a type as a plugin of the kinds listed.
///
/// ```ignore
/// opssight_plugin::export!(GitHub: health, source, webhook, actions);
/// ```
///
/// Each name is the trait's in lower case: `health`, `source`, `webhook`, `actions`, `notifier`, `costs`,
/// `inventory`, `detector`. Away from WASI only the traits are checked and nothing is exported, because
/// the names of the contract are no names for a native linker.
#[macro_export]
macro_rules! export {
    ($plugin:ident : $($kind:ident),+ $(,)?) => {
        $( $crate::export!(@check $plugin $kind); )+
        #[cfg(all(target_arch = "wasm32", target_os = "wasi"))]
        const _: () = {
            $( $crate::export!(@kind $plugin $kind); )+
        };
    };
    (@kind $plugin:ident health) => { $crate::bindings::health::export!($plugin with_types_in $crate::bindings::health); };
    (@kind $plugin:ident source) => { $crate::bindings::source::export!($plugin with_types_in $crate::bindings::source); };
    (@kind $plugin:ident webhook) => { $crate::bindings::webhook::export!($plugin with_types_in $crate::bindings::webhook); };
    (@kind $plugin:ident actions) => { $crate::bindings::actions::export!($plugin with_types_in $crate::bindings::actions); };
    (@kind $plugin:ident notifier) => { $crate::bindings::notifier::export!($plugin with_types_in $crate::bindings::notifier); };
    (@kind $plugin:ident costs) => { $crate::bindings::costs::export!($plugin with_types_in $crate::bindings::costs); };
    (@kind $plugin:ident inventory) => { $crate::bindings::inventory::export!($plugin with_types_in $crate::bindings::inventory); };
    (@kind $plugin:ident detector) => { $crate::bindings::detector::export!($plugin with_types_in $crate::bindings::detector); };
    (@check $plugin:ident health) => { $crate::export!(@is $plugin $crate::Health); };
    (@check $plugin:ident source) => { $crate::export!(@is $plugin $crate::Source); };
    (@check $plugin:ident webhook) => { $crate::export!(@is $plugin $crate::Webhook); };
    (@check $plugin:ident actions) => { $crate::export!(@is $plugin $crate::Actions); };
    (@check $plugin:ident notifier) => { $crate::export!(@is $plugin $crate::Notifier); };
    (@check $plugin:ident costs) => { $crate::export!(@is $plugin $crate::Costs); };
    (@check $plugin:ident inventory) => { $crate::export!(@is $plugin $crate::Inventory); };
    (@check $plugin:ident detector) => { $crate::export!(@is $plugin $crate::Detector); };
    (@is $plugin:ident $kind:path) => {
        const _: () = {
            const fn is_kind<T: $kind>() {}
            is_kind::<$plugin>();
        };
    };
}
