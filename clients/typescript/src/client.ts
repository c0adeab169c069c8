import createClient, { type Client as FetchClient } from 'openapi-fetch';
import { ProblemError } from './problem';
import type { paths } from './schema';

/** Where the API is and who asks. */
export type ClientOptions = {
  /** Origin of the server; empty for the page's own. */
  baseUrl?: string;
  /** A bearer token; browsers leave it out and send their cookie. */
  token?: string;
  fetch?: (request: Request) => Promise<Response>;
  /** Called when the session is gone. */
  onUnauthenticated?: () => void;
};

export type Client = FetchClient<paths>;

/** A typed client. Every call resolves to openapi-fetch's `{ data, error, response }`; see [`must`]. */
export function makeClient(options: ClientOptions = {}): Client {
  const client = createClient<paths>({
    baseUrl: options.baseUrl ?? '',
    credentials: 'same-origin',
    fetch: options.fetch,
  });
  client.use({
    onRequest({ request }) {
      if (options.token) request.headers.set('authorization', `Bearer ${options.token}`);
      // Another site cannot set this header without a CORS preflight, which the server does not answer.
      if (request.method !== 'GET' && request.method !== 'HEAD') request.headers.set('x-opssight-csrf', '1');
      return request;
    },
    onResponse({ response }) {
      if (response.status === 401) options.onUnauthenticated?.();
      return undefined;
    },
    onError({ error }) {
      // An aborted request was cancelled by its caller, who expects exactly that error.
      if (error instanceof DOMException && error.name === 'AbortError') return error;
      return ProblemError.offline(error);
    },
  });
  return client;
}

/** The answer's body, or a thrown [`ProblemError`]. */
export async function must<T>(
  call: Promise<{ data?: T; error?: unknown; response: Response }>,
): Promise<T> {
  const { data, error, response } = await call;
  if (!response.ok) throw ProblemError.from(response, error);
  return data as T;
}
