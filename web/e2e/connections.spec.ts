import { expect, flip, test, type Api, type Page } from './base';
import { WorkflowRun } from './workflow-run';

test('a connection is made by the plugin\'s form; address and secret are shown once', async ({ page, api }) => {
  const name = `form ${Date.now()}`;
  await page.goto('/connections/');
  await page.getByRole('link', { name: /Add connection/ }).click();
  // With one plugin installed its form comes at once.
  const choice = page.getByRole('region', { name: 'Plugins' }).getByRole('button', { name: /^GitHub/ });
  await expect(choice.or(page.getByLabel('Name', { exact: true })).first()).toBeVisible();
  if (await choice.isVisible()) await choice.click();
  await page.getByLabel('Name', { exact: true }).fill(name);

  await page.getByRole('button', { name: 'Connect', exact: true }).click();
  const token = page.getByRole('group', { name: /Access to GitHub/ }).getByLabel('Token', { exact: true });
  await expect(token, 'what is missing is marked and focused').toBeFocused();
  await expect(page.getByText('This is needed.')).toBeVisible();

  await page.getByRole('button', { name: 'GitHub App' }).click();
  await expect(page.getByLabel('Private key')).toBeVisible();
  expect(await page.getByLabel('Private key').evaluate((field) => field.tagName)).toBe('TEXTAREA');
  await page.getByRole('button', { name: 'Token', exact: true }).click();
  await token.fill('not-a-real-token');
  await page.getByRole('button', { name: 'Connect', exact: true }).click();

  await expect(page.getByRole('heading', { name: `${name} is connected` })).toBeVisible();
  const address = await page.locator('[data-copy="Hook address"]').textContent();
  const secret = await page.locator('[data-copy="Webhook secret"]').textContent();
  expect(address).toMatch(/^http.*\/hooks\//);
  expect(secret?.length).toBeGreaterThan(20);

  const hook = { hook_path: new URL(address ?? '').pathname, webhook_secret: secret ?? '' };
  await expect(page.getByText('Waiting for the first delivery')).toBeVisible();
  expect(await api.deliver(hook, 'ping', { zen: 'Keep it logically awesome.', hook_id: 1, hook: { type: 'Repository', id: 1 } })).toBe(202);
  await expect(page.getByText('The first delivery has arrived.')).toBeVisible({ timeout: 15_000 });

  await page.getByRole('link', { name: 'Open the connection' }).click();
  await expect(page.getByRole('heading', { name, level: 1 })).toBeVisible();
  await expect(page.locator('[data-copy="Webhook secret"]')).toHaveCount(0);

  await page.getByRole('button', { name: 'Edit' }).click();
  await page.getByLabel('Name', { exact: true }).fill(`${name} b`);
  await page.getByRole('button', { name: 'Save' }).click();
  await expect(page.getByRole('heading', { name: `${name} b`, level: 1 })).toBeVisible();

  await flip(page.getByRole('switch', { name: 'On', exact: true }));
  await expect(page.getByText('Off', { exact: true })).toBeVisible();

  await page.getByRole('button', { name: 'Remove' }).click();
  const dialog = page.getByRole('dialog');
  await expect(dialog.getByRole('button', { name: 'Remove' })).toBeDisabled();
  await dialog.getByRole('textbox').fill(`${name} b`);
  await dialog.getByRole('button', { name: 'Remove' }).click();
  await page.waitForURL(/\/connections\/$/);
  await expect(page.getByText(`${name} b`, { exact: true })).toHaveCount(0);
});

test('a name that is taken is told at its field', async ({ page, api }) => {
  const connection = await api.connect();
  try {
    await page.goto('/connections/?add=github');
    await page.getByLabel('Name', { exact: true }).fill(connection.name);
    await page.getByRole('group', { name: /Access to GitHub/ }).getByLabel('Token', { exact: true }).fill('x');
    await page.getByRole('button', { name: 'Connect', exact: true }).click();
    await expect(page.locator('main [role=alert]')).toContainText(/name/);
  } finally {
    await api.disconnect(connection.id);
  }
});

test('the delivery log shows what came, what went wrong, and replays', async ({ page, api }) => {
  const connection = await api.connect();
  try {
    const run = new WorkflowRun(`log ${Date.now()}`);
    expect(await api.deliver(connection, 'workflow_run', run.event('completed', 'success'))).toBe(202);
    const refused = await api.deliver({ ...connection, webhook_secret: 'wrong' }, 'push', { ref: 'refs/heads/main' });
    expect(refused).toBeGreaterThanOrEqual(400);

    await page.goto(`/connections/${connection.id}/`);
    const row = page.locator('[data-delivery]').filter({ hasText: 'workflow_run' });
    await expect(row).toBeVisible({ timeout: 15_000 });
    await row.click();
    await page.waitForURL(/delivery=/);
    const drawer = page.getByRole('dialog', { name: 'Delivery' });
    await expect(drawer.getByLabel('Body')).toContainText(run.title);
    await expect(drawer.getByText('x-github-event')).toBeVisible();
    await expect(drawer.getByText('Done', { exact: true })).toBeVisible({ timeout: 15_000 });
    await drawer.getByRole('button', { name: 'Replay' }).click();
    await expect(drawer.getByText('It is processed again')).toBeVisible();
    await page.reload();
    await expect(page.getByRole('dialog', { name: 'Delivery' })).toBeVisible();
    await page.keyboard.press('Escape');
    await expect(page.getByRole('dialog')).toHaveCount(0);

    await page.getByLabel('State', { exact: true }).selectOption('rejected');
    await page.waitForURL(/state=rejected/);
    await expect(page.locator('[data-delivery]')).toHaveCount(1);
    await expect(page.locator('[data-delivery]')).toContainText(/signature/i);
  } finally {
    await api.disconnect(connection.id);
  }
});

const isNow = async (api: Api, id: string) => (await api.get('/api/v1/connections')).items.find((one) => one.id === id);

test('what a connection gives is switched by name', async ({ page, api }) => {
  const connection = await api.connect();
  try {
    const { items } = await api.get('/api/v1/plugins');
    const ability = items.find(({ id }) => id === 'github')?.can.find(({ can_be_withheld }) => can_be_withheld);
    if (!ability) throw new Error('the GitHub plugin has abilities that can be withheld');
    await page.goto(`/connections/${connection.id}/`);
    await flip(page.getByRole('switch', { name: `given: ${ability.says}`, exact: true }));
    await expect(page.getByRole('switch', { name: `given: ${ability.says}`, exact: true })).not.toBeChecked();
    // The switch turns at once, before the server has answered.
    await expect.poll(async () => (await isNow(api, connection.id))?.grants.withheld).toEqual([ability.key]);
  } finally {
    await api.disconnect(connection.id);
  }
});

/** Somebody else changes the connection while the page's own change is on its way. */
async function overtake(page: Page, api: Api, id: string, change: object): Promise<void> {
  let isDone = false;
  await page.route(`**/api/v1/connections/${id}`, async (route) => {
    if (route.request().method() === 'PATCH' && !isDone) {
      isDone = true;
      const answer = await api.write('PATCH', `/api/v1/connections/${id}`, change);
      expect(answer.ok(), await answer.text()).toBe(true);
    }
    await route.fallback();
  });
}

test('a switch that somebody else overtook overwrites nothing, and is set again on what they left', async ({ page, api }) => {
  const connection = await api.connect();
  try {
    const { items } = await api.get('/api/v1/plugins');
    const [mine, theirs] = items.find(({ id }) => id === 'github')?.can.filter(({ can_be_withheld }) => can_be_withheld) ?? [];
    if (!mine || !theirs) throw new Error('the GitHub plugin has abilities that can be withheld');
    await page.goto(`/connections/${connection.id}/`);
    const given = page.getByRole('switch', { name: `given: ${mine.says}`, exact: true });
    await expect(given).toBeVisible();
    await overtake(page, api, connection.id, { grants: { ...connection.grants, withheld: [theirs.key] } });
    await flip(given);

    const told = page.locator('main [role=alert]');
    await expect(told).toContainText('Somebody else changed this connection in between');
    await expect(told).toContainText(`Withhold: ${mine.says}`);
    expect((await isNow(api, connection.id))?.grants.withheld).toEqual([theirs.key]);
    await told.getByRole('button', { name: /do it again/ }).click();
    await expect(told).toHaveCount(0);
    for (const { says } of [mine, theirs]) await expect(page.getByRole('switch', { name: `given: ${says}`, exact: true })).not.toBeChecked();
    const withheld = async () => new Set((await isNow(api, connection.id))?.grants.withheld);
    await expect.poll(withheld).toEqual(new Set([mine.key, theirs.key]));

    // The tag of this change is known when the next one can be made.
    await flip(page.getByRole('switch', { name: `given: ${mine.says}`, exact: true }));
    await expect(page.getByRole('switch', { name: `given: ${mine.says}`, exact: true })).toBeEnabled();
    await expect(told).toHaveCount(0);
  } finally {
    await api.disconnect(connection.id);
  }
});

test('a form that somebody else overtook keeps what was typed and shows what they changed', async ({ page, api }) => {
  const connection = await api.connect();
  try {
    await page.goto(`/connections/${connection.id}/`);
    await page.getByRole('button', { name: 'Edit' }).click();
    await page.getByLabel('Name', { exact: true }).fill(`${connection.name} mine`);
    await overtake(page, api, connection.id, { name: `${connection.name} theirs`, grants: { ...connection.grants, networks: ['10.1.0.0/16'] } });
    await page.getByRole('button', { name: 'Save' }).click();
    await expect(page.getByText('all that you typed is still here', { exact: false })).toBeVisible();
    await page.getByRole('button', { name: /keep what I changed/ }).click();
    const told = page.getByRole('status').filter({ hasText: 'what you changed' });
    await expect(told).toContainText('filled in: Private networks.');
    await expect(told).toContainText(`Name, which is “${connection.name} theirs” now`);
    await expect(page.getByLabel('Private networks')).toHaveValue('10.1.0.0/16');
    await page.getByRole('button', { name: 'Save' }).click();
    await expect(page.getByRole('heading', { name: `${connection.name} mine`, level: 1 })).toBeVisible();
    await expect
      .poll(() => isNow(api, connection.id))
      .toMatchObject({ name: `${connection.name} mine`, grants: { networks: ['10.1.0.0/16'] } });
  } finally {
    await api.disconnect(connection.id);
  }
});

test('a check says what is wrong', async ({ page, api }) => {
  const connection = await api.connect();
  try {
    await page.goto(`/connections/${connection.id}/`);
    await page.getByRole('button', { name: 'Check now' }).click();
    await expect(page.getByText('Failing', { exact: true }).first()).toBeVisible({ timeout: 40_000 });
  } finally {
    await api.disconnect(connection.id);
  }
});
