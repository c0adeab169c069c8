import { expect, test } from './base';

test('the list shows runs, newest first', async ({ page, api }) => {
  const runs = await api.runs({ limit: '5' });
  await page.goto('/pipelines/');
  const rows = page.locator('[data-run]');
  await expect(rows.first()).toHaveAttribute('data-run', runs[0]?.id ?? '');
  expect((await rows.count()) >= runs.length).toBe(true);
});

test('a search stands in the address, survives a reload and can be cleared', async ({ page, api }) => {
  const [run] = await api.runs();
  const word = (run?.service ?? '').split('/').at(-1) ?? '';
  await page.goto('/pipelines/');
  await expect(page.locator('[data-run]').first()).toBeVisible();
  await page.keyboard.press('/');
  await expect(page.getByRole('textbox', { name: 'Search runs' })).toBeFocused();
  await page.keyboard.type(word);
  await page.waitForURL(new RegExp(`q=${word}`));
  await expect(page.locator('[data-run]').first()).toBeVisible();
  await page.reload();
  await expect(page.getByRole('textbox', { name: 'Search runs' })).toHaveValue(word);
  await page.getByRole('button', { name: 'Clear', exact: true }).click();
  await expect(page).toHaveURL(/\/pipelines\/$/);
});

test('filters narrow the list to what the server says', async ({ page, api }) => {
  const runs = await api.runs();
  const run = runs.find((one) => one.result);
  expect(run, 'no finished run in the demo').toBeTruthy();
  const expected = await api.runs({ service: run?.service ?? '', result: run?.result ?? '', limit: '50' });
  await page.goto('/pipelines/');
  await page.getByLabel('Service', { exact: true }).selectOption(run?.service ?? '');
  await page.getByLabel('Result').selectOption(run?.result ?? '');
  await page.waitForURL(/result=/);
  await expect(page.locator('[data-run]')).toHaveCount(expected.length);
  await expect(page.locator('[data-run]').first()).toHaveAttribute('data-run', expected[0]?.id ?? '');
});

test('a list without a match says so and offers the way out', async ({ page }) => {
  await page.goto('/pipelines/?q=no-run-is-called-like-this');
  await expect(page.getByText('No run matches')).toBeVisible();
  await page.getByRole('button', { name: 'Clear all filters' }).click();
  await expect(page.locator('[data-run]').first()).toBeVisible();
});

test('a run opens from the list, and its address works by itself', async ({ page }) => {
  await page.goto('/pipelines/');
  const link = page.locator('[data-run] a').first();
  const title = (await link.textContent()) ?? '';
  await link.click();
  await page.waitForURL(/\/pipelines\/[^_/][^/]*\/$/);
  await expect(page.getByRole('heading', { level: 1 })).toHaveText(title);
  await page.reload();
  await expect(page.getByRole('heading', { level: 1 })).toHaveText(title);
  await expect(page).toHaveTitle(`${title} · OpsSight`);
  await page.goBack();
  await expect(page.getByRole('heading', { name: 'Pipelines', level: 1 })).toBeVisible();
});

test('the waterfall shows every job; a job opens to its steps', async ({ page, api }) => {
  let found: { id: string; jobs: { name: string; steps: unknown[] }[] } | undefined;
  for (const run of await api.runs({ limit: '100' })) {
    const detail = await (await api.request.get(`/api/v1/runs/${run.id}`)).json();
    if (detail.jobs.some((job: { steps: unknown[] }) => job.steps.length > 0)) {
      found = { id: run.id, jobs: detail.jobs };
      break;
    }
  }
  expect(found, 'no run with steps in the demo').toBeTruthy();
  await page.goto(`/pipelines/${found?.id}/`);
  for (const job of found?.jobs ?? []) await expect(page.getByTitle(job.name, { exact: true }).first()).toBeVisible();
  const job = found?.jobs.find(({ steps }) => steps.length > 0);
  const button = page.getByRole('button', { name: job?.name }).first();
  if ((await button.getAttribute('aria-expanded')) === 'false') await button.click();
  await expect(page.getByRole('list', { name: `Steps of ${job?.name}` })).toBeVisible();
});

test('a dangerous action asks first, and can be left', async ({ page, api }) => {
  let target: { id: string; title: string } | undefined;
  for (const run of await api.runs({ limit: '100' })) {
    const { actions } = await (await api.request.get(`/api/v1/runs/${run.id}`)).json();
    const action = actions.find((one: { danger: string }) => one.danger !== 'safe');
    if (action) {
      target = { id: run.id, title: action.title };
      break;
    }
  }
  expect(target, 'no run of the demo can be acted on').toBeTruthy();
  await page.goto(`/pipelines/${target?.id}/`);
  const button = page.getByRole('button', { name: target?.title, exact: true });
  await button.click();
  const dialog = page.getByRole('dialog', { name: `${target?.title}?` });
  await expect(dialog).toBeVisible();
  await page.keyboard.press('Escape');
  await expect(dialog).toBeHidden();
  await expect(button).toBeFocused();
});

test('a run that is not there is told in words', async ({ page }) => {
  await page.goto('/pipelines/no-such-run/');
  await expect(page.locator('main [role=alert]')).toContainText('no-such-run');
  await expect(page.getByRole('button', { name: 'Try again' })).toBeVisible();
});

test('pipelines have their history, flaky jobs their evidence', async ({ page }) => {
  await page.goto('/pipelines/');
  await page.getByRole('tab', { name: 'Pipelines' }).click();
  await page.waitForURL(/tab=history/);
  await page.getByRole('button', { name: '90 days' }).click();
  await page.waitForURL(/days=90/);
  await page.keyboard.press('Tab');
  await page.getByRole('tab', { name: 'Pipelines' }).focus();
  await page.keyboard.press('ArrowRight');
  await page.waitForURL(/tab=flaky/);
  await expect(page.getByRole('tab', { name: 'Flaky jobs' })).toHaveAttribute('aria-selected', 'true');
});
