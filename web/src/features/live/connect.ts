import { LiveHub, type FromHub, type ToHub } from './hub';

/** Joins the browser's one live stream; where there is no SharedWorker (Chrome on Android), this tab's own. */
export function connectLive(onMessage: (message: FromHub) => void): { wake: () => void; close: () => void } {
  const send = opener(onMessage);
  const join = () => send({ type: 'join' });
  const leave = () => send({ type: 'leave' });
  const wake = () => send({ type: 'wake' });
  // A page in the back/forward cache is asleep and must not hold the stream open.
  const restored = (event: PageTransitionEvent) => {
    if (event.persisted) join();
  };
  window.addEventListener('pagehide', leave);
  window.addEventListener('pageshow', restored);
  window.addEventListener('online', wake);
  join();
  return {
    wake,
    close: () => {
      window.removeEventListener('pagehide', leave);
      window.removeEventListener('pageshow', restored);
      window.removeEventListener('online', wake);
      leave();
    },
  };
}

function opener(onMessage: (message: FromHub) => void): (message: ToHub) => void {
  if (typeof SharedWorker !== 'undefined') {
    try {
      const worker = new SharedWorker(new URL('./worker.ts', import.meta.url), { name: 'opssight-live', type: 'module' });
      worker.port.onmessage = (event: MessageEvent<FromHub>) => onMessage(event.data);
      worker.port.start();
      return (message) => worker.port.postMessage(message);
    } catch {
      // Refused by a setting of the browser; the page's own stream does as well.
    }
  }
  const hub = new LiveHub();
  const tab = { postMessage: onMessage };
  return (message) => hub.handle(tab, message);
}
