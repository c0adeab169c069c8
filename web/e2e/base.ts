import { createHmac, randomUUID } from 'node:crypto';
import { test as base, expect, type APIRequestContext, type Locator, type Page } from '@playwright/test';
import type { Connection, Run, Version, paths } from '@opssight/client';

export { expect };
export type { Page };

/** What a page must never do, and what a refused request makes the browser print anyway. */
const EXPECTED = /Failed to load resource: the server responded with a status of (400|401|404|409|412|422|502|503)/;

type Fixtures = { api: Api; watched: string[] };

/** A test whose page fails it by an error on the console, a blocked script, or a request to another host. */
export const test = base.extend<Fixtures>({
  storageState: async ({}, use) => {
    await use(JSON.parse(process.env['OPSSIGHT_SESSION'] ?? '{}'));
  },
  watched: [
    async ({ context, baseURL }, use) => {
      const wrongs: string[] = [];
      context.on('console', (message) => {
        if (message.type() === 'error' && !EXPECTED.test(message.text())) wrongs.push(`console: ${message.text()}`);
      });
      context.on('weberror', (error) => void wrongs.push(`error: ${String(error.error())}`));
      context.on('request', (request) => {
        const url = request.url();
        if (!url.startsWith(baseURL ?? '') && !/^(data|blob|about):/.test(url)) wrongs.push(`request: ${url}`);
      });
      await use(wrongs);
      expect(wrongs, 'errors, violations and foreign requests').toEqual([]);
    },
    { auto: true },
  ],
  api: async ({ request }, use) => {
    await use(new Api(request));
  },
});

type Get<P extends keyof paths> = paths[P] extends {
  get: { responses: { 200: { content: { 'application/json': infer Body } } } };
}
  ? Body
  : never;

/** The API as the signed-in browser uses it. */
export class Api {
  constructor(readonly request: APIRequestContext) {}

  async get<P extends keyof paths>(path: P, query: Record<string, string> = {}): Promise<Get<P>> {
    const search = new URLSearchParams(query).toString();
    const answer = await this.request.get(`${path}${search && `?${search}`}`);
    expect(answer.ok(), `GET ${path}: ${answer.status()}`).toBe(true);
    return (await answer.json()) as Get<P>;
  }

  async write(method: 'POST' | 'DELETE' | 'PATCH', path: string, data?: unknown) {
    return this.request.fetch(path, { method, data, headers: { 'x-opssight-csrf': '1' } });
  }

  async runs(query: Record<string, string> = {}): Promise<Run[]> {
    return (await this.get('/api/v1/runs', { limit: '200', ...query })).items;
  }

  /** A connection of its own for a test, with the secret that its deliveries are signed with. */
  async connect(name = `e2e ${randomUUID().slice(0, 8)}`): Promise<Connection & { webhook_secret: string }> {
    const answer = await this.write('POST', '/api/v1/connections', {
      name,
      plugin: 'github',
      settings: {},
      credentials: { api: { scheme: 'bearer', inputs: { token: 'not-a-real-token' } } },
      grants: { networks: [], insecure_http: false },
    });
    expect(answer.status(), await answer.text()).toBe(201);
    return (await answer.json()) as Connection & { webhook_secret: string };
  }

  async disconnect(id: string): Promise<void> {
    await this.write('DELETE', `/api/v1/connections/${id}`);
  }

  /** Delivers an event as GitHub does. */
  async deliver(connection: { hook_path?: string | null; webhook_secret: string }, event: string, payload: unknown): Promise<number> {
    const body = JSON.stringify(payload);
    const answer = await this.request.post(connection.hook_path ?? '', {
      data: Buffer.from(body),
      headers: {
        'content-type': 'application/json',
        'x-github-event': event,
        'x-github-delivery': randomUUID(),
        'x-hub-signature-256': `sha256=${createHmac('sha256', connection.webhook_secret).update(body).digest('hex')}`,
      },
    });
    return answer.status();
  }
}

/** Turn a switch as the keyboard does: where it is on the page, which may still move, does not matter. */
export async function flip(one: Locator): Promise<void> {
  await expect(one).toBeEnabled();
  await one.press('Space');
}

/** Waits until the page is in step with the server. */
export async function live(page: Page): Promise<void> {
  await expect(page.locator('[data-live=live]')).toBeVisible();
}

/**
 * Makes an update of the GitHub plugin wait, as far as the page can tell. What it wants is told once `told` is done.
 */
export async function waitingUpdate(page: Page, api: Api, told: Promise<void> = Promise.resolve()): Promise<{ says: string }> {
  const plugin = (await api.get('/api/v1/plugins')).items.find(({ id }) => id === 'github');
  const versions = (await (await api.request.get('/api/v1/plugins/github/versions')).json()) as { items: Version[] };
  const active = versions.items.find(({ state }) => state === 'active');
  if (!active) throw new Error('the demo runs the GitHub plugin');
  const digest = `sha256:${'9'.repeat(64)}`;
  const wants = { key: 'use reveal', says: 'reads secrets in clear, each time on record', risk: 'danger', can_be_withheld: true };
  const next = { ...active, digest, version: '9.9.9', state: 'waiting', activated_at: undefined, abilities: [...active.abilities, wants] };
  await page.route('**/api/v1/plugins/github', (route) => route.fulfill({ json: { ...plugin, waiting: { version: '9.9.9', digest } } }));
  await page.route('**/api/v1/plugins/github/versions', async (route) => {
    await told;
    await route.fulfill({ json: { ...versions, items: [next, ...versions.items] } });
  });
  return wants;
}

/** Every page, with an id of everything that has one. */
export async function allPages(api: Api): Promise<[name: string, path: string][]> {
  const [run] = await api.runs({ limit: '1' });
  const connection = (await api.get('/api/v1/connections')).items[0];
  const pages: [string, string][] = [
    ['overview', '/'],
    ['runs', '/pipelines/'],
    ['pipelines', '/pipelines/?tab=history'],
    ['flaky jobs', '/pipelines/?tab=flaky'],
    ['delivery', '/delivery/'],
    ['deployments', '/deployments/'],
    ['changes', '/changes/'],
    ['connections', '/connections/'],
    ['add a connection', '/connections/?add=github'],
    ['plugins', '/plugins/'],
    ['people', '/people/'],
    ['keys', '/keys/'],
    ['account', '/account/'],
    ['not found', '/nowhere/'],
  ];
  const plugin = (await api.get('/api/v1/plugins')).items[0];
  if (plugin) {
    const path = `/plugins/${plugin.id}/`;
    pages.push(['plugin', path], ['versions of a plugin', `${path}?tab=versions`], ['history of a plugin', `${path}?tab=events`]);
  }
  if (run) pages.push(['run', `/pipelines/${run.id}/`]);
  if (connection) pages.push(['connection', `/connections/${connection.id}/`]);
  return pages;
}
