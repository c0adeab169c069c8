import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { request } from '@playwright/test';

/** Signs in once; every test starts with that session. */
export default async function setup() {
  const url = process.env['OPSSIGHT_URL'];
  const secret = process.env['OPSSIGHT_SECRET'];
  if (!url || !secret) throw new Error('set OPSSIGHT_URL and OPSSIGHT_SECRET to a running server and its admin secret');
  const api = await request.newContext({ baseURL: url });
  const answer = await api.post('/api/v1/sessions', { data: { secret, label: 'end-to-end tests' } });
  if (!answer.ok()) throw new Error(`could not sign in: ${answer.status()} ${await answer.text()}`);
  const state = path.join(__dirname, '../test-results/session.json');
  mkdirSync(path.dirname(state), { recursive: true });
  await api.storageState({ path: state });
  await api.dispose();
}
