/** The OpsSight API for TypeScript: a typed client, its errors, and the live stream. No React, no DOM widgets. */
export { makeClient, must, type Client, type ClientOptions } from './client';
export { ProblemError, isProblem } from './problem';
export { SseParser, followLive, type LiveHandle, type LiveOptions, type LiveState, type SseMessage } from './live';
export type { paths } from './schema';
export type * from './types';
