import { expect, test } from './base';

test.use({ storageState: { cookies: [], origins: [] } });

test('whoever is not signed in is asked to, and comes back to where they wanted to go', async ({ page }) => {
  await page.goto('/pipelines/?state=active');
  await page.waitForURL(/\/login\/\?next=/);
  await page.getByLabel('Secret').fill('not the secret');
  await page.getByRole('button', { name: 'Sign in' }).click();
  await expect(page.locator('main [role=alert]')).toContainText('not the secret');
  await page.getByLabel('Secret').fill(process.env['OPSSIGHT_SECRET'] ?? '');
  await page.keyboard.press('Enter');
  await page.waitForURL(/\/pipelines\/\?state=active$/);
  await expect(page.getByRole('heading', { name: 'Pipelines', level: 1 })).toBeVisible();
  expect(await page.evaluate(() => document.cookie), 'no script can read the session').not.toContain('opssight_session');
});

test('signing out ends the session', async ({ page }) => {
  await page.goto('/login/');
  await page.getByLabel('Secret').fill(process.env['OPSSIGHT_SECRET'] ?? '');
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.getByRole('button', { name: 'Sign out' }).click();
  await page.waitForURL(/\/login\/$/);
  await page.goto('/');
  await page.waitForURL(/\/login\//);
});

test('the sign-in page sends nobody to another site', async ({ page }) => {
  await page.goto('/login/?next=//example.com/');
  await page.getByLabel('Secret').fill(process.env['OPSSIGHT_SECRET'] ?? '');
  await page.getByRole('button', { name: 'Sign in' }).click();
  await expect(page.getByRole('heading', { name: 'Overview', level: 1 })).toBeVisible();
});
