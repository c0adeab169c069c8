import { request } from '@playwright/test';

/** Signs in once; every test starts with that session. It is handed on in the environment and touches no disk. */
export default async function setup() {
  const url = process.env['OPSSIGHT_URL'];
  const secret = process.env['OPSSIGHT_SECRET'];
  if (!url || !secret) throw new Error('set OPSSIGHT_URL and OPSSIGHT_SECRET to a running server and its admin secret');
  const api = await request.newContext({ baseURL: url });
  const answer = await api.post('/api/v1/sessions', { data: { secret, label: 'end-to-end tests' } });
  if (!answer.ok()) throw new Error(`could not sign in: ${answer.status()} ${await answer.text()}`);
  process.env['OPSSIGHT_SESSION'] = JSON.stringify(await api.storageState());
  await api.dispose();
}
