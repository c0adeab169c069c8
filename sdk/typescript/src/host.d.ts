/** What the engine gives for the contract's imports. Resources are disposed of by hand, children first. */

declare module "opssight:plugin/log@1.0.0" {
  const host: { log(level: string, message: string, fields: [string, string][]): void };
  export default host;
}

declare module "opssight:plugin/settings@1.0.0" {
  const host: { get(key: string): string | null; all(): string };
  export default host;
}

declare module "opssight:plugin/state@1.0.0" {
  const host: {
    get(key: string): ArrayLike<number> | null;
    set(key: string, value: Uint8Array): void;
    delete(key: string): void;
    listKeys(prefix: string, page: { cursor: string | null; limit: number }): { keys: string[]; next: string | null };
  };
  export default host;
}

declare module "wasi:clocks/wall-clock@0.2.12" {
  const host: { now(): { seconds: number; nanoseconds: number } };
  export default host;
}

declare module "wasi:http/types@0.2.12" {
  export interface Variant {
    tag: string;
    val?: unknown;
  }
  interface Pollable extends Disposable {
    block(): void;
  }
  interface OutputStream extends Disposable {
    blockingWriteAndFlush(bytes: Uint8Array): void;
  }
  interface InputStream extends Disposable {
    blockingRead(length: number): ArrayLike<number>;
  }
  export interface Fields extends Disposable {
    entries(): [string, ArrayLike<number>][];
  }
  export interface OutgoingBody extends Disposable {
    write(): OutputStream;
  }
  export interface OutgoingRequest extends Disposable {
    setMethod(method: Variant): void;
    setScheme(scheme: Variant | null): void;
    setAuthority(authority: string | null): void;
    setPathWithQuery(path: string | null): void;
    body(): OutgoingBody;
  }
  export interface RequestOptions extends Disposable {
    setConnectTimeout(nanos: number | null): void;
    setFirstByteTimeout(nanos: number | null): void;
    setBetweenBytesTimeout(nanos: number | null): void;
  }
  interface IncomingBody extends Disposable {
    stream(): InputStream;
  }
  export interface IncomingResponse extends Disposable {
    status(): number;
    headers(): Fields;
    consume(): IncomingBody;
  }
  export interface FutureIncomingResponse extends Disposable {
    subscribe(): Pollable;
    get(): Variant | null;
  }
  const host: {
    Fields: { fromList(entries: [string, Uint8Array][]): Fields };
    OutgoingRequest: new (headers: Fields) => OutgoingRequest;
    OutgoingBody: { finish(body: OutgoingBody, trailers: Fields | null): void };
    RequestOptions: new () => RequestOptions;
    httpErrorCode(error: unknown): Variant | null;
  };
  export default host;
}

declare module "wasi:http/outgoing-handler@0.2.12" {
  import type { FutureIncomingResponse, OutgoingRequest, RequestOptions } from "wasi:http/types@0.2.12";
  const host: { handle(request: OutgoingRequest, options: RequestOptions | null): FutureIncomingResponse };
  export default host;
}
