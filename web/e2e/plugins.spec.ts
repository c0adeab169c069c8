import { expect, flip, test, waitingUpdate } from './base';

test('plugins say what they can do', async ({ page, api }) => {
  const { items } = await api.get('/api/v1/plugins');
  expect(items.length).toBeGreaterThan(0);
  for (const plugin of items) {
    await page.goto('/plugins/');
    const card = page.getByRole('region', { name: new RegExp(`^${plugin.name}`) }).first();
    await expect(card.getByRole('heading', { level: 2 })).toContainText(plugin.version);
    await card.getByRole('link', { name: plugin.name, exact: true }).click();
    await page.waitForURL(/\/plugins\/[^/]+\/$/);
    for (const ability of plugin.can) await expect(page.getByText(ability.says, { exact: true }).first()).toBeVisible();
    await page.getByText(/interfaces that it imports/).click();
    if (plugin.imports[0]) await expect(page.getByText(plugin.imports[0], { exact: true })).toBeVisible();
  }
});

test('a plugin tells its versions and what happened to it', async ({ page, api }) => {
  const { items } = await api.get('/api/v1/plugins');
  const plugin = items.find(({ id }) => id === 'github');
  if (!plugin) throw new Error('the demo runs the GitHub plugin');
  await page.goto('/plugins/github/');
  await page.getByRole('tab', { name: 'Versions' }).click();
  await expect(page.getByText('active', { exact: true })).toBeVisible();
  await page.getByRole('tab', { name: 'What happened' }).click();
  await expect(page.getByText('installed', { exact: true })).toBeVisible();
});

test('nothing is installed before its abilities were seen, and what is no package is refused in words', async ({ page }) => {
  await page.goto('/plugins/');
  await page.getByRole('button', { name: 'Install a plugin' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel('Package file').setInputFiles({ name: 'x.wasm', mimeType: 'application/wasm', buffer: Buffer.from('not wasm') });
  await expect(dialog.getByRole('alert')).toContainText(/package|component/);
  await expect(dialog.getByText('No catalogue is configured', { exact: false }).or(dialog.getByText('this host has no catalogue', { exact: false }))).toBeVisible();
});

test('nobody is asked to agree to an update before it is shown what it wants', async ({ page, api }) => {
  let tell = () => {};
  const told = new Promise<void>((resolve) => (tell = resolve));
  const wants = await waitingUpdate(page, api, told);
  await page.goto('/plugins/github/');
  await page.getByRole('button', { name: 'Review it' }).click();
  const dialog = page.getByRole('dialog', { name: 'Version 9.9.9' });
  await expect(dialog).toBeVisible();
  await expect(dialog.locator('.skeleton').first()).toBeVisible();
  await expect(dialog.getByRole('button', { name: 'Agree and update' })).toHaveCount(0);
  tell();
  await expect(dialog.getByText(wants.says)).toBeVisible();
  await expect(dialog.getByRole('button', { name: 'Agree and update' })).toBeEnabled();
});

test('a shadow is told beside the name of its plugin, and leads to the versions', async ({ page, api }) => {
  const plugin = (await api.get('/api/v1/plugins')).items.find(({ id }) => id === 'github');
  await page.goto('/plugins/github/?tab=events');
  await expect(page.getByRole('heading', { level: 1 })).toBeVisible();
  await expect(page.getByRole('link', { name: /in shadow/ })).toHaveCount(0);
  const shadow = { version: '9.9.9', digest: `sha256:${'9'.repeat(64)}`, since: new Date().toISOString(), calls: 100, differences: 0, agreed: false, compared: 47, different: 7, samples: [] };
  await page.route('**/api/v1/plugins/github', (route) => route.fulfill({ json: { ...plugin, shadow } }));
  const badge = page.getByRole('heading', { level: 1 }).getByRole('link', { name: '9.9.9 in shadow, 47 calls compared, 7 different' });
  await badge.click();
  await page.waitForURL(/\/plugins\/github\/\?tab=versions$/);
  await expect(page.getByRole('tab', { name: 'Versions' })).toHaveAttribute('aria-selected', 'true');
  await expect(badge).toBeVisible();
});

test('switching a plugin off and on is noted', async ({ page }) => {
  await page.goto('/plugins/webhook/');
  const on = page.getByRole('switch', { name: 'On' });
  await expect(on).toBeChecked();
  // The switch shows what the server said, so it turns when the answer is there and not at the click.
  await flip(on);
  await expect(page.getByText('It is switched off', { exact: false })).toBeVisible();
  await expect(on).not.toBeChecked();
  await flip(on);
  await expect(page.getByText('It is switched off', { exact: false })).toBeHidden();
  await expect(on).toBeChecked();
});
