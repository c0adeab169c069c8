import { LiveHub, type ToHub } from './hub';

/** The SharedWorker that holds the browser's one live stream. */
const hub = new LiveHub();

type ConnectEvent = Event & { ports: MessagePort[] };

self.addEventListener('connect', (event) => {
  const port = (event as ConnectEvent).ports[0];
  if (!port) return;
  port.onmessage = (message: MessageEvent<ToHub>) => hub.handle(port, message.data);
  port.start();
});
