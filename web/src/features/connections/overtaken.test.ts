import { makeClient, ProblemError, type Connection, type Plugin } from '@opssight/client';
import { createElement } from 'react';
import { renderToStaticMarkup } from 'react-dom/server';
import { describe, expect, it } from 'vitest';
import { OvertakenChoices, OvertakenForm, RebasedForm } from './overtaken';
import { heldOf, rebase } from './rebase';
import { alsoWaiting, changeConnection, choose, chosen, isOvertaken, showConnection, type Choice } from './wire';

const grants = { networks: ['10.0.0.0/8'], insecure_http: true, withheld: ['act cancel'] };
const rerun = { key: 'act rerun', says: 'can do "Rerun" when somebody with the role operator asks', given: false };

/** A server with one connection, which looks at versions as the API does. */
function server(connection: object = { id: 'con_1', name: 'acme', grants }) {
  let now = { ...connection } as Connection;
  let version = 1;
  const sent: { method: string; tag: string | null; body: unknown }[] = [];
  const json = (status: number, body: unknown, tag?: string) =>
    new Response(JSON.stringify(body), { status, headers: { 'content-type': 'application/json', ...(tag ? { etag: tag } : {}) } });
  const client = makeClient({
    baseUrl: 'http://opssight.test',
    fetch: async (request) => {
      if (request.method === 'GET') return json(200, now, `W/"${version}.abc"`);
      const tag = request.headers.get('if-match');
      const body = (await request.json()) as object;
      sent.push({ method: request.method, tag, body });
      if (tag !== null && tag !== `W/"${version}.abc"`) {
        return json(412, { title: 'Precondition failed', detail: 'failed to keep the connection: it was changed meanwhile', status: 412 });
      }
      now = { ...now, ...body };
      version += 1;
      return json(200, now);
    },
  });
  return { client, sent, somebodyElse: (change: object) => ((now = { ...now, ...change }), (version += 1)), now: () => now };
}

describe('a change of a connection', () => {
  it('says what it was made from', async () => {
    const { client, sent, now } = server();
    const seen = await showConnection(client, 'con_1');
    expect(seen.tag).toBe('W/"1.abc"');
    await choose(client, 'con_1', [rerun], seen);
    expect(sent).toEqual([{ method: 'PATCH', tag: 'W/"1.abc"', body: { grants: { ...grants, withheld: ['act cancel', 'act rerun'] } } }]);
    expect(now().grants.withheld).toEqual(['act cancel', 'act rerun']);
  });

  it('overwrites nothing of somebody who was quicker, and can be made again on top of it', async () => {
    const { client, sent, somebodyElse, now } = server();
    const seen = await showConnection(client, 'con_1');
    somebodyElse({ grants: { ...grants, networks: [], withheld: ['use state'] } });
    const refused = await choose(client, 'con_1', [rerun], seen).catch((error: unknown) => error);
    expect(isOvertaken(refused)).toBe(true);
    expect(now().grants).toEqual({ ...grants, networks: [], withheld: ['use state'] });
    await choose(client, 'con_1', [rerun]);
    expect(now().grants).toEqual({ ...grants, networks: [], withheld: ['use state', 'act rerun'] });
    expect(sent.map(({ tag }) => tag)).toEqual(['W/"1.abc"', 'W/"2.abc"']);
  });

  it('of one field alone asks for no tag', async () => {
    const { client, sent } = server();
    await changeConnection(client, 'con_1', { enabled: false });
    expect(sent[0]?.tag).toBeNull();
  });

  it.each([
    [new ProblemError({ status: 412 }), true],
    [new ProblemError({ status: 409 }), false],
    [new Error('412'), false],
    [null, false],
  ])('%s is overtaken: %s', (error, expected) => expect(isOvertaken(error)).toBe(expected));
});

describe('choices', () => {
  it('leave everything else as it is', () => {
    expect(chosen(grants, [{ ...rerun, key: 'act cancel', given: true }, rerun])).toEqual({ ...grants, withheld: ['act rerun'] });
  });
  it('wait with the last word on each ability', () => {
    const state: Choice = { key: 'use state', says: 'keeps state', given: false };
    expect(alsoWaiting([rerun, state], [{ ...rerun, given: true }])).toEqual([state, { ...rerun, given: true }]);
  });
});

const plugin = {
  name: 'CI',
  credentials: [{ name: 'api', title: 'Access', optional: false, schemes: [] }],
  settings_schema: {
    properties: {
      address: { type: 'string', title: 'Address' },
      days: { type: 'integer', title: 'Days', default: 30 },
      proxy: { type: 'object', title: 'Proxy', properties: { on: { type: 'boolean', title: 'On' } } },
    },
  },
} as unknown as Plugin;
const connection = (more: object = {}): Connection =>
  ({ name: 'acme', settings: { address: 'https://a.example', days: 30, proxy: { on: false } }, credentials: { api: { scheme: 'bearer', inputs: {}, secrets: ['token'] } }, grants, ...more }) as unknown as Connection;

describe('a form that was overtaken', () => {
  const typed = { ...heldOf(plugin, connection()), name: 'acme ci', values: { '/address': 'https://mine.example', '/days': '30', '/proxy/on': false } };

  it('keeps what was typed, follows what was not touched, and tells both', () => {
    const now = connection({
      settings: { address: 'https://theirs.example', days: 7, proxy: { on: true } },
      grants: { ...grants, networks: ['10.1.0.0/16'], withheld: [] },
    });
    expect(rebase(plugin, connection(), now, typed, {})).toEqual({
      held: { name: 'acme ci', values: { '/address': 'https://mine.example', '/days': '7', '/proxy/on': true }, networks: '10.1.0.0/16', insecure: true },
      theirs: ['Days', 'Proxy: On', 'Private networks', 'What it withholds'],
      both: [{ title: 'Address', now: '“https://theirs.example”' }],
    });
  });

  it('is as it was when the change was elsewhere, or the same', () => {
    const elsewhere = connection({ enabled: false, name: 'acme ci' });
    expect(rebase(plugin, connection(), elsewhere, typed, {})).toEqual({ held: typed, theirs: [], both: [] });
  });

  it.each([
    [{}, { theirs: ['Access'], both: [] }],
    [{ api: { scheme: 'bearer', inputs: { token: 't' } } }, { theirs: [], both: [{ title: 'Access', now: 'filled in anew' }] }],
  ])('says that credentials were changed, with %j typed', (drafts, told) => {
    const now = connection({ credentials: { api: { scheme: 'basic', inputs: {}, secrets: ['password'] } } });
    expect(rebase(plugin, connection(), now, typed, drafts)).toEqual({ held: typed, ...told });
  });
});

describe('what people are told', () => {
  const nothing = () => undefined;
  const text = (html: string) => html.replace(/<svg.*?<\/svg>/g, '').replace(/<[^>]+>/g, ' ').replace(/&quot;/g, '"').replace(/\s+/g, ' ').trim();

  it('names every choice that is not in force, and offers to make it again', () => {
    const html = renderToStaticMarkup(createElement(OvertakenChoices, { choices: [rerun], busy: false, onAgain: nothing, onLeave: nothing }));
    expect(html).toContain('role="alert"');
    expect(text(html)).toBe(
      'Somebody else changed this connection in between Nothing was overwritten. What you chose is not in force yet: ' +
        'Withhold: can do "Rerun" when somebody with the role operator asks Load what it is now, and do it again Leave it as it is now',
    );
  });

  it('says of a form that nothing is lost, and why it could not be loaded', () => {
    const html = text(renderToStaticMarkup(createElement(OvertakenForm, { busy: false, problem: 'no such connection', onLoad: nothing })));
    expect(html).toContain('all that you typed is still here');
    expect(html).toContain('no such connection Load what it is now, and keep what I changed');
  });

  it('says what is different after that', () => {
    const told = (theirs: string[], both: { title: string; now: string }[]) => text(renderToStaticMarkup(createElement(RebasedForm, { theirs, both })));
    expect(told(['Days'], [{ title: 'Address', now: '“b”' }])).toMatch(/filled in: Days\..*Address , which is “b” now/);
    expect(told([], [])).toContain('Nothing of what this form shows was changed');
  });
});
