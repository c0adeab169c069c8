import { describe, expect, it } from 'vitest';
import { makeClient, must } from './client';
import { ProblemError } from './problem';

const answer = (status: number, body: unknown, headers: Record<string, string> = {}) =>
  new Response(typeof body === 'string' ? body : JSON.stringify(body), {
    status,
    headers: { 'content-type': typeof body === 'string' ? 'text/html' : 'application/problem+json', ...headers },
  });

function clientFor(response: Response | Error) {
  const seen: Request[] = [];
  let signedOut = 0;
  const client = makeClient({
    baseUrl: 'http://x',
    onUnauthenticated: () => (signedOut += 1),
    fetch: async (request) => {
      seen.push(request);
      if (response instanceof Error) throw response;
      return response;
    },
  });
  return { client, seen, signedOut: () => signedOut };
}

describe('the client', () => {
  it('gives the body', async () => {
    const { client, seen } = clientFor(answer(200, { items: [] }, { 'content-type': 'application/json' }));
    const page = await must(client.GET('/api/v1/runs', { params: { query: { state: 'active', limit: 5 } } }));
    expect(page.items).toEqual([]);
    expect(seen[0]?.url).toBe('http://x/api/v1/runs?state=active&limit=5');
    expect(seen[0]?.headers.get('x-opssight-csrf')).toBeNull();
  });

  it('marks writes against forgery', async () => {
    const { client, seen } = clientFor(answer(200, {}, { 'content-type': 'application/json' }));
    await must(client.POST('/api/v1/connections/{id}/check', { params: { path: { id: 'a/b' } } }));
    expect(seen[0]?.headers.get('x-opssight-csrf')).toBe('1');
    expect(seen[0]?.url).toContain('a%2Fb');
  });

  it('throws the problem that the server described', async () => {
    const { client } = clientFor(
      answer(422, { type: 't', title: 'Invalid', detail: 'name is taken', status: 422, fields: [{ at: '/name', problem: 'taken' }], request_id: 'r1' }),
    );
    const error = await must(client.GET('/api/v1/overview')).catch((e: unknown) => e);
    expect(error).toBeInstanceOf(ProblemError);
    expect(error).toMatchObject({ status: 422, detail: 'name is taken', requestId: 'r1', fields: [{ at: '/name', problem: 'taken' }] });
  });

  it('makes a problem of a page that some proxy wrote', async () => {
    const { client } = clientFor(answer(502, '<html>bad gateway</html>', { 'x-request-id': 'r2' }));
    await expect(must(client.GET('/api/v1/overview'))).rejects.toMatchObject({ status: 502, requestId: 'r2' });
  });

  it('makes a problem of a server that is not there', async () => {
    const { client } = clientFor(new TypeError('failed to fetch'));
    await expect(must(client.GET('/api/v1/overview'))).rejects.toMatchObject({ status: 0 });
  });

  it('says when the session is gone', async () => {
    const { client, signedOut } = clientFor(answer(401, { title: 'Unauthenticated', detail: 'sign in', status: 401 }));
    await expect(must(client.GET('/api/v1/overview'))).rejects.toMatchObject({ status: 401 });
    expect(signedOut()).toBe(1);
  });
});
