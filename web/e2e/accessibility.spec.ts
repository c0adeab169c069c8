import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { allPages, expect, test, waitingUpdate, type Page } from './base';

const axe = readFileSync(createRequire(__filename).resolve('axe-core/axe.min.js'), 'utf8');

type Violation = { id: string; help: string; nodes: { target: unknown[]; failureSummary?: string }[] };

/** What axe finds wrong by WCAG 2.2 A and AA, in one line each. */
async function violations(page: Page): Promise<string[]> {
  await page.evaluate(axe);
  const found = await page.evaluate(async () => {
    const { axe } = window as unknown as { axe: { run: (options: unknown) => Promise<{ violations: Violation[] }> } };
    const tags = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];
    return (await axe.run({ runOnly: tags })).violations;
  });
  return found.flatMap(({ id, help, nodes }) => nodes.map((node) => `${id}: ${help}: ${JSON.stringify(node.target)}`));
}

for (const theme of ['light', 'dark'] as const) {
  for (const width of [1280, 360]) {
    test(`every page is accessible and fits, ${theme}, ${width} px`, async ({ page, api }) => {
      test.setTimeout(240_000);
      await page.emulateMedia({ colorScheme: theme, reducedMotion: 'reduce' });
      await page.setViewportSize({ width, height: 800 });
      for (const [name, path] of await allPages(api)) {
        await page.goto(path);
        await expect(page.getByRole('heading').or(page.getByText('There is no such page')).first()).toBeVisible();
        await expect(page.locator('.skeleton')).toHaveCount(0);
        expect.soft(await violations(page), name).toEqual([]);
        const over = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
        expect.soft(over, `${name} scrolls sideways`).toBeLessThanOrEqual(0);
      }
    });
  }
}

test('what opens above a page is accessible too', async ({ page, api }) => {
  await page.emulateMedia({ reducedMotion: 'reduce' });
  await page.goto('/');
  await expect(page.getByRole('heading', { name: 'Overview', level: 1 })).toBeVisible();
  await page.keyboard.press('Control+k');
  await expect(page.getByRole('combobox', { name: 'Search or jump to' })).toBeFocused();
  expect(await violations(page), 'palette').toEqual([]);
  await page.keyboard.press('Escape');
  await page.keyboard.press('?');
  await expect(page.getByRole('dialog', { name: 'Keyboard shortcuts' })).toBeVisible();
  expect(await violations(page), 'help').toEqual([]);
  await page.keyboard.press('Escape');
  await page.goto('/plugins/');
  await page.getByRole('button', { name: 'Install a plugin' }).click();
  await expect(page.getByRole('dialog').getByRole('region', { name: 'Catalogue' })).toBeVisible();
  expect(await violations(page), 'install a plugin').toEqual([]);
  const wants = await waitingUpdate(page, api);
  await page.goto('/plugins/github/');
  await page.getByRole('button', { name: 'Review it' }).click();
  await expect(page.getByRole('dialog', { name: 'Version 9.9.9' }).getByText(wants.says)).toBeVisible();
  expect(await violations(page), 'review an update').toEqual([]);
  const connections = (await api.get('/api/v1/connections')).items.map(({ id }) => id);
  const { items } = await api.get('/api/v1/deliveries', { limit: '200' });
  const delivery = items.find(({ connection }) => connections.includes(connection));
  if (delivery) {
    await page.goto(`/connections/${delivery.connection}/?delivery=${delivery.id}`);
    await expect(page.getByRole('dialog', { name: 'Delivery' }).getByText('Attempts')).toBeVisible();
    expect(await violations(page), 'delivery').toEqual([]);
  }
});

test('the sign-in page is accessible', async ({ browser, baseURL }) => {
  for (const colorScheme of ['light', 'dark'] as const) {
    const context = await browser.newContext({ storageState: { cookies: [], origins: [] }, colorScheme, baseURL });
    const page = await context.newPage();
    await page.goto('/login/');
    await expect(page.getByLabel('Secret')).toBeVisible();
    expect(await violations(page)).toEqual([]);
    await context.close();
  }
});
