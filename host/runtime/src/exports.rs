//! Where the functions of a component's exported kinds are.

use crate::bindings::exports::opssight::plugin::{
    actions, costs, detector, health, inventory, notifier, source, webhook,
};
use crate::budget::Kind;
use crate::state::HostState;
use wasmtime::component::InstancePre;

macro_rules! exports {
    ($($field:ident: $kind:ident),+ $(,)?) => {
        /// Where the exported functions are; none for what the plugin does not export.
        pub(crate) struct Exports {
            $(pub(crate) $field: Option<$field::GuestIndices>,)+
        }

        impl Exports {
            /// Look up the functions of these kinds.
            pub(crate) fn new(has: &[Kind], pre: &InstancePre<HostState>) -> wasmtime::Result<Self> {
                Ok(Self {
                    $($field: has.contains(&Kind::$kind).then(|| $field::GuestIndices::new(pre)).transpose()?,)+
                })
            }
        }
    };
}

exports! {
    webhook: Webhook,
    source: Source,
    actions: Actions,
    health: Health,
    notifier: Notifier,
    costs: Costs,
    inventory: Inventory,
    detector: Detector,
}
