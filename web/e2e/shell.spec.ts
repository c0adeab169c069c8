import { expect, test, type Page } from './base';

/** Keys that are pressed before the page's script runs go nowhere. */
const keysWork = (page: Page) => expect(page.locator('html[data-keys=ready]')).toBeAttached();

test('the palette goes anywhere by keyboard', async ({ page, api }) => {
  await page.goto('/');
  await expect(page.getByRole('heading', { name: 'Overview', level: 1 })).toBeVisible();
  await keysWork(page);
  await page.keyboard.press('Control+k');
  await expect(page.getByRole('combobox', { name: 'Search or jump to' })).toBeFocused();
  await page.keyboard.type('plug');
  await page.keyboard.press('Enter');
  await page.waitForURL(/\/plugins\/$/);

  const [run] = await api.runs({ limit: '1' });
  await page.keyboard.press('Control+k');
  await page.keyboard.type((run?.title ?? run?.pipeline ?? '').slice(0, 24));
  const option = page.getByRole('option', { name: run?.title ?? run?.pipeline ?? '' }).first();
  await expect(option).toBeVisible();
  await option.click();
  await page.waitForURL(/\/pipelines\/[^/]+\/$/);
});

test('every shortcut of the help does what it says', async ({ page }) => {
  await page.goto('/');
  await expect(page.getByRole('heading', { name: 'Overview', level: 1 })).toBeVisible();
  await keysWork(page);
  for (const [key, name] of [
    ['p', 'Pipelines'],
    ['d', 'Delivery'],
    ['e', 'Deployments'],
    ['h', 'Changes'],
    ['c', 'Connections'],
    ['l', 'Plugins'],
    ['u', 'People'],
    ['k', 'Keys'],
    ['o', 'Overview'],
  ] as const) {
    await page.keyboard.press('g');
    await page.keyboard.press(key);
    await expect(page.getByRole('heading', { name, level: 1 })).toBeVisible();
  }
  await page.keyboard.press('?');
  await expect(page.getByRole('dialog', { name: 'Keyboard shortcuts' })).toBeVisible();
  await page.keyboard.press('Escape');
  await expect(page.getByRole('dialog')).toHaveCount(0);
});

test('j and k walk through a list and Enter opens the row', async ({ page }) => {
  await page.goto('/pipelines/');
  await keysWork(page);
  const links = page.locator('[data-run] a');
  await expect(links.first()).toBeVisible();
  await page.keyboard.press('j');
  await expect(links.first()).toBeFocused();
  if ((await links.count()) > 1) {
    await page.keyboard.press('j');
    await expect(links.nth(1)).toBeFocused();
    await page.keyboard.press('k');
  }
  await expect(links.first()).toBeFocused();
  await page.keyboard.press('Enter');
  await page.waitForURL(/\/pipelines\/[^/]+\/$/);
});

test('letters in a field are letters', async ({ page }) => {
  await page.goto('/pipelines/');
  await page.getByRole('textbox', { name: 'Search runs' }).fill('');
  await page.getByRole('textbox', { name: 'Search runs' }).pressSequentially('gp?j');
  await expect(page.getByRole('textbox', { name: 'Search runs' })).toHaveValue('gp?j');
  await expect(page.getByRole('dialog')).toHaveCount(0);
});

test('the theme is chosen once and kept, without a flash', async ({ page }) => {
  await page.emulateMedia({ colorScheme: 'light' });
  await page.goto('/');
  const theme = () => page.evaluate(() => document.documentElement.dataset['theme']);
  expect(await theme()).toBe('light');
  await page.getByRole('button', { name: 'Dark theme' }).click();
  expect(await theme()).toBe('dark');
  await page.reload({ waitUntil: 'commit' });
  await page.waitForFunction(() => document.body !== null);
  expect(await theme(), 'set before the first paint').toBe('dark');
  await page.getByRole('button', { name: 'Theme of the system' }).click();
  expect(await theme()).toBe('light');
  await page.emulateMedia({ colorScheme: 'dark' });
  await expect.poll(theme).toBe('dark');
});

test('a phone has the whole menu', async ({ page }) => {
  await page.setViewportSize({ width: 360, height: 740 });
  await page.goto('/');
  await page.getByRole('button', { name: 'Menu' }).click();
  await page.getByRole('dialog').getByRole('link', { name: 'Delivery' }).click();
  await expect(page.getByRole('heading', { name: 'Delivery', level: 1 })).toBeVisible();
  await expect(page.getByRole('dialog')).toHaveCount(0);
});

test('the first Tab leads past the menu', async ({ page }) => {
  await page.goto('/');
  await expect(page.getByRole('heading', { name: 'Overview', level: 1 })).toBeVisible();
  await keysWork(page);
  await page.keyboard.press('Tab');
  await expect(page.getByRole('link', { name: 'Skip to the content' })).toBeFocused();
  await page.keyboard.press('Enter');
  await expect(page.locator('#main')).toBeFocused();
});

test('a server that is away is told, and found again', async ({ page }) => {
  await page.route('**/api/v1/plugins', (route) => route.fulfill({
    status: 503,
    contentType: 'application/problem+json',
    body: JSON.stringify({ type: 'x', title: 'Unavailable', status: 503, detail: 'the store is starting', request_id: 'req-42' }),
  }));
  await page.goto('/plugins/');
  await expect(page.locator('main [role=alert]')).toContainText('the store is starting', { timeout: 20_000 });
  await expect(page.locator('main [role=alert]')).toContainText('req-42');
  await page.unroute('**/api/v1/plugins');
  await page.getByRole('button', { name: 'Try again' }).click();
  await expect(page.locator('main [role=alert]')).toHaveCount(0);
});
