/// <reference path="./host.d.ts" />
/**
 * Write OpsSight plugins in TypeScript.
 *
 * A plugin is one WebAssembly component. It says what it is by the functions that it gives to {@link definePlugin};
 * what it may ask of the host has a module each: {@link http}, {@link log}, {@link settings}, {@link state},
 * {@link time}; {@link dates} needs nothing. A module that is not used is not imported by the built component, and what is not imported cannot be
 * done: that is how an operator's consent is computed from the bytes.
 *
 * Everything is synchronous: a plugin answers one call, and the host decides what runs beside it.
 */
export * from "./define.ts";
export { fail, PluginFailure } from "./failure.ts";
export type { FailureMore } from "./failure.ts";
export * as dates from "./dates.ts";
export * as http from "./http.ts";
export { item } from "./item.ts";
export type { ItemHead } from "./item.ts";
export type * from "./items.ts";
export * as log from "./log.ts";
export * as settings from "./settings.ts";
export * as state from "./state.ts";
export * as time from "./time.ts";
export { decode, encode } from "./text.ts";
export type * from "./types.ts";
