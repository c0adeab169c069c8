import { expect, test } from './base';

test('a key is made, shown once, used, and revoked', async ({ page, request }) => {
  const name = `ci ${Date.now()}`;
  await page.goto('/keys/');
  await page.getByRole('button', { name: 'Make a key' }).first().click();
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel('Name').fill(name);
  await dialog.getByRole('radio', { name: /^Operator/ }).check();
  await dialog.getByLabel('Lasts').selectOption('30');
  await dialog.getByRole('button', { name: 'Make it' }).click();
  const secret = (await dialog.locator('[data-secret]').textContent()) ?? '';
  expect(secret).toMatch(/^opskey_[0-9a-f]{64}$/);

  const ask = () => request.get('/api/v1/me', { headers: { authorization: `Bearer ${secret}` } });
  expect(await (await ask()).json()).toMatchObject({ name: `key ${name}`, role: 'operator' });
  await dialog.getByRole('button', { name: 'I have it' }).click();
  const row = page.getByRole('listitem').filter({ hasText: name });
  await expect(row.getByText('Operator')).toBeVisible();
  await page.reload();
  await expect(row.getByText(/^Used/)).toBeVisible();
  expect(await page.content()).not.toContain(secret);

  // The same name again is refused in words, at its field.
  await page.getByRole('button', { name: 'Make a key' }).first().click();
  await dialog.getByLabel('Name').fill(name);
  await dialog.getByRole('button', { name: 'Make it' }).click();
  await expect(dialog.getByText('there is one with the name')).toBeVisible();
  await page.keyboard.press('Escape');

  await row.getByRole('button', { name: `Revoke ${name}` }).click();
  await dialog.getByRole('button', { name: 'Revoke' }).click();
  await expect(row).toHaveCount(0);
  expect((await ask()).status()).toBe(401);
});
