/**
 * The live stream, read with `fetch` and not with `EventSource`: a reconnect can then send `Last-Event-ID`, see
 * the status (401 is not worth retrying) and back off, also after errors at which `EventSource` gives up.
 */

/** One server-sent event. */
export type SseMessage = { id: string | undefined; event: string; data: string };

/** Turns a text stream into events, as the HTML standard's "event stream interpretation" says. */
export class SseParser {
  /** Reconnection time that the server asked for, milliseconds. */
  retry: number | undefined;
  private rest = '';
  private id: string | undefined;
  private event = '';
  private data: string[] = [];

  push(chunk: string): SseMessage[] {
    this.rest += chunk;
    const out: SseMessage[] = [];
    for (;;) {
      const end = this.rest.search(/[\r\n]/);
      if (end < 0) return out;
      // A lone CR at the end may be half of a CRLF: wait for the rest.
      if (this.rest[end] === '\r' && end + 1 === this.rest.length) return out;
      const width = this.rest.startsWith('\r\n', end) ? 2 : 1;
      const message = this.line(this.rest.slice(0, end));
      this.rest = this.rest.slice(end + width);
      if (message) out.push(message);
    }
  }

  private line(line: string): SseMessage | undefined {
    if (line === '') {
      const message = this.data.length
        ? { id: this.id, event: this.event || 'message', data: this.data.join('\n') }
        : undefined;
      this.event = '';
      this.data = [];
      return message;
    }
    if (line.startsWith(':')) return undefined;
    const colon = line.indexOf(':');
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '');
    if (field === 'data') this.data.push(value);
    else if (field === 'event') this.event = value;
    else if (field === 'id' && !value.includes('\0')) this.id = value;
    else if (field === 'retry' && /^\d+$/.test(value)) this.retry = Number(value);
    return undefined;
  }
}

/** What the stream is doing. */
export type LiveState = 'connecting' | 'live' | 'waiting' | 'signed-out';

export type LiveOptions = {
  url: string;
  headers?: Record<string, string>;
  fetch?: typeof fetch;
  onMessage: (message: SseMessage) => void;
  onState: (state: LiveState) => void;
  /** Silence after which the connection is taken for dead, milliseconds. */
  silenceMs?: number;
  /** Wait before attempt `n` (from 0), milliseconds. */
  backoffMs?: (n: number) => number;
};

export type LiveHandle = {
  /** Try now, not after the back-off; also starts again after a sign-in. */
  wake: () => void;
  stop: () => void;
};

const jitteredBackoff = (n: number) => Math.min(15_000, 500 * 2 ** n) * (0.5 + Math.random() / 2);

/** Follows the stream until stopped; resumes where it was. */
export function followLive(options: LiveOptions): LiveHandle {
  const { onMessage, onState, silenceMs = 60_000, backoffMs = jitteredBackoff } = options;
  const get = options.fetch ?? fetch;
  let stopped = false;
  let lastId: string | undefined;
  let failures = 0;
  let asked: number | undefined;
  let abort: AbortController | undefined;
  let resume: (() => void) | undefined;

  const pause = (ms: number | undefined) =>
    new Promise<void>((done) => {
      const timer = ms === undefined ? undefined : setTimeout(done, ms);
      resume = () => {
        clearTimeout(timer);
        done();
      };
    });

  async function once(): Promise<'signed-out' | 'again'> {
    abort = new AbortController();
    const current = abort;
    let watchdog = setTimeout(() => current.abort(), silenceMs);
    try {
      const headers: Record<string, string> = { accept: 'text/event-stream', ...options.headers };
      if (lastId !== undefined) headers['last-event-id'] = lastId;
      const response = await get(options.url, {
        headers,
        credentials: 'same-origin',
        cache: 'no-store',
        signal: current.signal,
      });
      if (response.status === 401 || response.status === 403) return 'signed-out';
      if (!response.ok || !response.body) {
        asked = Number(response.headers.get('retry-after')) * 1000 || undefined;
        return 'again';
      }
      onState('live');
      const reader = response.body.getReader();
      const decoder = new TextDecoder();
      const parser = new SseParser();
      for (;;) {
        const { done, value } = await reader.read();
        if (done) return 'again';
        failures = 0;
        clearTimeout(watchdog);
        watchdog = setTimeout(() => current.abort(), silenceMs);
        for (const message of parser.push(decoder.decode(value, { stream: true }))) {
          if (message.id !== undefined) lastId = message.id;
          onMessage(message);
        }
        asked = parser.retry;
      }
    } catch {
      return 'again';
    } finally {
      clearTimeout(watchdog);
    }
  }

  void (async () => {
    while (!stopped) {
      onState('connecting');
      const end = await once();
      if (stopped) return;
      if (end === 'signed-out') {
        lastId = undefined;
        onState('signed-out');
        await pause(undefined);
      } else {
        onState('waiting');
        const wait = Math.max(asked ?? 0, backoffMs(failures));
        failures += 1;
        await pause(wait);
      }
    }
  })();

  return {
    wake: () => {
      failures = 0;
      resume?.();
    },
    stop: () => {
      stopped = true;
      abort?.abort();
      resume?.();
    },
  };
}
