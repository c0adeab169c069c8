//! What `wit/1.0` looks like in Rust. One world with every kind that this version calls; each exported interface
//! is probed on its own, so that a component may have any combination of them.

wasmtime::component::bindgen!({
    path: "../../wit/1.0",
    inline: "
        package opssight:host;
        world every-kind {
            include opssight:plugin/integration@1.0.0;
            include opssight:plugin/notifier-kind@1.0.0;
            include opssight:plugin/costs-kind@1.0.0;
            include opssight:plugin/inventory-kind@1.0.0;
            include opssight:plugin/detector-kind@1.0.0;
            import opssight:plugin/reveal@1.0.0;
        }
    ",
    world: "opssight:host/every-kind",
    imports: {
        "opssight:plugin/state": async | trappable,
        "opssight:plugin/reveal": async | trappable,
        default: trappable,
    },
    exports: { default: async },
    with: {
        "wasi:http": wasmtime_wasi_http::p2::bindings::http,
        "wasi:io": wasmtime_wasi::p2::bindings::io,
        "wasi:clocks": wasmtime_wasi::p2::bindings::clocks,
    },
    require_store_data_send: true,
});
