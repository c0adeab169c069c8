//! The life of plugins on the real host: installed, updated, rolled back, revoked and uninstalled over HTTP, while
//! deliveries come in and none of them is lost.

mod commands;
mod crash;
pub(crate) mod guest;
mod life;
mod stop;
mod stream;
mod trust;
