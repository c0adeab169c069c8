/**
 * Outbound HTTP. Requests go through the host's egress gate: only what the manifest's egress rules allow leaves, and
 * the host attaches the credential of the matching rule after the request has left the sandbox. So a plugin sends plain
 * requests and never holds a token. Nothing follows redirects; a 3xx is an answer like any other.
 */
import handler from "wasi:http/outgoing-handler@0.2.12";
import wasi from "wasi:http/types@0.2.12";
import type { IncomingResponse, Variant } from "wasi:http/types@0.2.12";
import { fail, payload } from "./failure.ts";
import { decode, encode } from "./text.ts";

export type Method = "GET" | "HEAD" | "POST" | "PUT" | "PATCH" | "DELETE";

export interface RequestInit {
  method?: Method;
  /** Names in lower case. */
  headers?: Record<string, string>;
  body?: string | Uint8Array;
  /** A value to send as JSON, with the content type. */
  json?: unknown;
  /** Milliseconds to the first byte of the answer, and between two pieces of it; otherwise 15 s. */
  timeoutMs?: number;
  /** The most bytes of an answer that are wanted; a longer one is a failure. Otherwise 8 MiB. */
  maxBody?: number;
}

/** An answer, read to its end. */
export class Response {
  readonly status: number;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly bytes: Uint8Array;

  constructor(status: number, headers: Record<string, string>, bytes: Uint8Array) {
    this.status = status;
    this.headers = headers;
    this.bytes = bytes;
  }

  /** Whether the status is 2xx. */
  get ok(): boolean {
    return this.status >= 200 && this.status < 300;
  }

  /** How long `Retry-After` asks for, in milliseconds; `otherwise` if it is missing or no number of seconds. */
  retryAfterMs(otherwise = 60_000): number {
    const text = (this.headers["retry-after"] ?? "").trim();
    return /^\d{1,9}$/.test(text) ? Number(text) * 1000 : otherwise;
  }

  text(): string {
    return decode(this.bytes);
  }

  /** The body, parsed. A body of another shape is the upstream's failure. */
  json<T = unknown>(): T {
    try {
      return JSON.parse(this.text()) as T;
    } catch (error) {
      return fail("upstream", "http.bad-answer", `the upstream's answer is not what it documents: ${String(error)}`);
    }
  }
}

const READ = 64 << 10;
const WRITE = 4 << 10;

/**
 * Send a request and wait for the whole answer. Whatever status the upstream gives is an answer; a failure means that
 * there was none: the host refused (class "config") or the upstream could not be reached ("upstream").
 */
export function fetch(url: string, init: RequestInit = {}): Response {
  const method = init.method ?? "GET";
  const what = `${method} ${url.replace(/^[a-z]+:\/\//, "").replace(/[?#].*$/s, "")}`;
  const { scheme, authority, path } = parts(url);
  const headers = { ...init.headers };
  let body = typeof init.body === "string" ? encode(init.body) : init.body;
  if (init.json !== undefined) {
    body = encode(JSON.stringify(init.json));
    headers["content-type"] ??= "application/json";
  }
  const entries = Object.entries(headers).map(([name, value]): [string, Uint8Array] => [name, encode(value)]);
  const request = new wasi.OutgoingRequest(wasi.Fields.fromList(entries));
  request.setMethod({ tag: method.toLowerCase() });
  request.setScheme({ tag: scheme });
  request.setAuthority(authority);
  request.setPathWithQuery(path);
  const outgoing = body === undefined ? undefined : request.body();
  const pending = asked(what, () => handler.handle(request, options(init.timeoutMs ?? 15_000)));
  if (outgoing !== undefined && body !== undefined) write(outgoing, body);
  const pollable = pending.subscribe();
  let got = pending.get();
  while (got === null) {
    pollable.block();
    got = pending.get();
  }
  pollable[Symbol.dispose]();
  const outcome = got as { tag: string; val: Variant };
  pending[Symbol.dispose]();
  if (outcome.tag !== "ok") return broken(what);
  if (outcome.val.tag !== "ok") return noAnswer(what, outcome.val.val as Variant);
  return read(what, outcome.val.val as IncomingResponse, init.maxBody ?? 8 << 20);
}

export const get = (url: string, init?: RequestInit): Response => fetch(url, { ...init, method: "GET" });
export const post = (url: string, init?: RequestInit): Response => fetch(url, { ...init, method: "POST" });

/** A query string of what is defined: `query({ page: 2, all: undefined })` is "page=2". */
export function query(values: Record<string, string | number | boolean | undefined>): string {
  const given = Object.entries(values).filter(([, value]) => value !== undefined);
  return given.map(([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(String(value))}`).join("&");
}

function parts(url: string): { scheme: string; authority: string; path: string } {
  const match = /^(https?):\/\/([^/?#]+)([^#]*)/.exec(url);
  if (!match) return fail("config", "http.bad-url", `"${url}" is not an http or https URL`);
  const path = match[3] ?? "";
  return { scheme: match[1] === "https" ? "HTTPS" : "HTTP", authority: match[2] ?? "", path: path.startsWith("/") ? path : `/${path}` };
}

function options(timeoutMs: number) {
  const options = new wasi.RequestOptions();
  const nanos = Math.trunc(timeoutMs) * 1_000_000;
  options.setConnectTimeout(nanos);
  options.setFirstByteTimeout(nanos);
  options.setBetweenBytesTimeout(nanos);
  return options;
}

function asked<T>(what: string, ask: () => T): T {
  try {
    return ask();
  } catch (code) {
    return noAnswer(what, payload(code) as Variant);
  }
}

function write(body: Parameters<typeof wasi.OutgoingBody.finish>[0], bytes: Uint8Array): void {
  const stream = body.write();
  try {
    for (let from = 0; from < bytes.length; from += WRITE) stream.blockingWriteAndFlush(bytes.slice(from, from + WRITE));
  } catch {
    // The host has given up on the request; why is in the answer.
  }
  stream[Symbol.dispose]();
  try {
    wasi.OutgoingBody.finish(body, null);
  } catch {
    // As above.
  }
}

function read(what: string, incoming: IncomingResponse, maxBody: number): Response {
  const status = incoming.status();
  const fields = incoming.headers();
  const entries = fields.entries().map(([name, value]) => [name.toLowerCase(), decode(Uint8Array.from(value))] as const);
  fields[Symbol.dispose]();
  const body = incoming.consume();
  const stream = body.stream();
  const pieces: Uint8Array[] = [];
  let length = 0;
  try {
    for (;;) {
      const piece = Uint8Array.from(stream.blockingRead(READ));
      length += piece.length;
      if (length > maxBody) {
        return fail("upstream", "http.answer-too-large", `${what}: the answer has more than ${maxBody} bytes`);
      }
      pieces.push(piece);
    }
  } catch (thrown) {
    const error = payload(thrown) as Variant;
    if (error.tag === "last-operation-failed") {
      const code = wasi.httpErrorCode(error.val);
      return code === null ? broken(what) : noAnswer(what, code);
    }
    if (error.tag !== "closed") throw thrown;
  } finally {
    stream[Symbol.dispose]();
    body[Symbol.dispose]();
    incoming[Symbol.dispose]();
  }
  const bytes = new Uint8Array(length);
  let at = 0;
  for (const piece of pieces) {
    bytes.set(piece, at);
    at += piece.length;
  }
  const headers: Record<string, string> = {};
  // A header that comes twice says both.
  for (const [name, value] of entries) headers[name] = name in headers ? `${headers[name]}, ${value}` : value;
  return new Response(status, headers, bytes);
}

function broken(what: string): never {
  return fail("upstream", "http.broken", `${what}: the exchange broke off`);
}

/** What the host or the network said, in the contract's classes. */
function noAnswer(what: string, code: Variant): never {
  switch (code.tag) {
    case "HTTP-request-denied":
      return fail("config", "http.denied", `${what}: the host refused the request; the address must match the plugin's egress rules and what the connection is granted`);
    case "destination-IP-prohibited":
      return fail("config", "http.address-prohibited", `${what}: the name resolves to an address that is not public; an administrator can grant the network to this connection`);
    case "HTTP-request-URI-invalid":
    case "HTTP-request-method-invalid":
    case "HTTP-request-URI-too-long":
      return fail("config", "http.bad-url", `${what}: the host cannot send this request: ${code.tag}`);
    case "DNS-timeout":
    case "connection-timeout":
    case "connection-read-timeout":
    case "connection-write-timeout":
    case "HTTP-response-timeout":
      return fail("upstream", "http.timeout", `${what}: no answer in time (${code.tag})`);
    case "HTTP-response-body-size":
      return fail("upstream", "http.answer-too-large", `${what}: the answer is longer than the host lets in`);
    default:
      return fail("upstream", "http.unreachable", `${what}: ${code.tag}`);
  }
}
