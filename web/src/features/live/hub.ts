import { followLive, type LiveHandle, type LiveState, type SseMessage } from '@opssight/client';

/** What a tab says to the hub. */
export type ToHub = { type: 'join' } | { type: 'leave' } | { type: 'wake' };
/** What the hub says to a tab. */
export type FromHub = { type: 'state'; state: LiveState } | { type: 'message'; message: SseMessage };
/** One tab. */
export type Tab = { postMessage: (message: FromHub) => void };

/** A tab asks for its data just before it joins; what happened in between is told to it again. */
const REMEMBER_MS = 10_000;

/**
 * One stream for every tab of a browser: HTTP/1.1 allows six connections per host, so a stream per tab would stop
 * the seventh tab from loading at all.
 */
export class LiveHub {
  private readonly tabs = new Set<Tab>();
  private readonly recent: { at: number; message: SseMessage }[] = [];
  private state: LiveState = 'connecting';
  private stream: LiveHandle | undefined;

  constructor(
    private readonly follow: typeof followLive = followLive,
    private readonly now: () => number = () => performance.now(),
  ) {}

  handle(tab: Tab, message: ToHub): void {
    if (message.type === 'join') this.join(tab);
    else if (message.type === 'leave') this.leave(tab);
    else this.stream?.wake();
  }

  private join(tab: Tab): void {
    this.tabs.add(tab);
    if (!this.stream) this.start();
    else if (this.state !== 'live') this.stream.wake();
    tab.postMessage({ type: 'state', state: this.state });
    this.forget();
    for (const { message } of this.recent) tab.postMessage({ type: 'message', message });
  }

  private leave(tab: Tab): void {
    this.tabs.delete(tab);
    if (this.tabs.size > 0) return;
    this.stream?.stop();
    this.stream = undefined;
    this.recent.length = 0;
  }

  private start(): void {
    this.state = 'connecting';
    this.stream = this.follow({
      url: '/api/v1/live',
      onState: (state) => {
        this.state = state;
        this.tell({ type: 'state', state });
      },
      onMessage: (message) => {
        this.recent.push({ at: this.now(), message });
        this.forget();
        this.tell({ type: 'message', message });
      },
    });
  }

  private forget(): void {
    const horizon = this.now() - REMEMBER_MS;
    while (this.recent[0] && (this.recent[0].at < horizon || this.recent.length > 200)) this.recent.shift();
  }

  private tell(message: FromHub): void {
    for (const tab of this.tabs) tab.postMessage(message);
  }
}
