import { expect, test } from './base';

const PASSWORD = 'tide-marble-oyster-lamp';

test('somebody is invited, joins, works, and is removed', async ({ page, browser, baseURL }) => {
  const email = `ada-${Date.now()}@example.com`;
  await page.goto('/people/');
  await page.getByRole('button', { name: 'Invite somebody' }).first().click();
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel('Email').fill(email);
  await dialog.getByRole('radio', { name: /^Viewer/ }).check();
  await dialog.getByRole('button', { name: 'Invite', exact: true }).click();
  const link = (await dialog.locator('[data-secret]').textContent()) ?? '';
  expect(link).toContain('/join/#opsinv_');
  await dialog.getByRole('button', { name: 'I have it' }).click();
  await expect(page.getByRole('button', { name: `Take back the invitation of ${email}` })).toBeVisible();

  const theirs = await browser.newContext({ storageState: { cookies: [], origins: [] }, baseURL });
  const other = await theirs.newPage();
  await other.goto(link);
  await expect(other.getByText(email)).toBeVisible();
  expect(other.url(), 'what proves it stays in no history').not.toContain('opsinv_');
  await other.getByLabel('Your name').fill('Ada Lovelace');
  await other.getByLabel('Password').fill('passwordpassword');
  await other.getByRole('button', { name: 'Join' }).click();
  await expect(other.getByText('easy to guess')).toBeVisible();
  await other.getByLabel('Password').fill(PASSWORD);
  await other.getByRole('button', { name: 'Join' }).click();
  await expect(other.getByRole('heading', { name: 'Overview', level: 1 })).toBeVisible();
  await expect(other.getByRole('link', { name: email })).toBeVisible();

  // A viewer sees who is here, and may change nothing.
  await other.goto('/people/');
  await expect(other.getByText('Ada Lovelace')).toBeVisible();
  await expect(other.getByRole('button', { name: /Invite|Remove|Suspend/ })).toHaveCount(0);

  // Signed out, and in again by address.
  await other.getByRole('button', { name: 'Sign out' }).click();
  await other.waitForURL(/\/login\/$/);
  await other.getByLabel('Email').fill(email);
  await other.getByLabel('Password').fill('not the password');
  await other.getByRole('button', { name: 'Sign in' }).click();
  await expect(other.locator('main [role=alert]')).toContainText('address or the password is wrong');
  await other.getByLabel('Password').fill(PASSWORD);
  await other.getByRole('button', { name: 'Sign in' }).click();
  await expect(other.getByRole('heading', { name: 'Overview', level: 1 })).toBeVisible();

  // Another password; the session that asked goes on.
  await other.goto('/account/');
  await other.getByLabel('Password until now').fill(PASSWORD);
  await other.getByLabel('New password').fill('lamp-oyster-marble-tide');
  await other.getByRole('button', { name: 'Change it' }).click();
  await expect(other.getByText('That is your password now')).toBeVisible();
  await expect(other.getByText('This one')).toBeVisible();

  // Whoever is removed is out at once.
  await page.reload();
  await page.getByRole('button', { name: `Remove ${email}` }).click();
  await dialog.getByLabel(/to go on/).fill(email);
  await dialog.getByRole('button', { name: 'Remove' }).click();
  await expect(page.getByText(`${email} is removed`)).toBeVisible();
  await other.goto('/');
  await other.waitForURL(/\/login\//);
  await theirs.close();
});

test('a link that was used is refused in words', async ({ browser, baseURL }) => {
  const context = await browser.newContext({ storageState: { cookies: [], origins: [] }, baseURL });
  const page = await context.newPage();
  await page.goto('/join/#opsinv_0000');
  await expect(page.getByRole('alert').getByText('not good any more')).toBeVisible();
  await context.close();
});
