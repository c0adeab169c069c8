import { expect, live, test } from './base';
import { WorkflowRun } from './workflow-run';

test('a delivery changes the page without a reload', async ({ page, api }) => {
  const connection = await api.connect();
  try {
    const run = new WorkflowRun(`live ${Date.now()}`);
    await page.goto('/pipelines/');
    await live(page);
    await page.evaluate(() => void ((window as unknown as { mark: number }).mark = 1));

    expect(await api.deliver(connection, 'workflow_run', run.event('requested'))).toBe(202);
    const row = page.locator('[data-run]').filter({ hasText: run.title });
    await expect(row).toBeVisible();

    expect(await api.deliver(connection, 'workflow_run', run.event('in_progress'))).toBe(202);
    await expect(row.getByText('Running')).toBeAttached();

    expect(await api.deliver(connection, 'workflow_run', run.event('completed', 'success'))).toBe(202);
    await expect(row.getByText('Success')).toBeAttached();
    expect(await page.evaluate(() => (window as unknown as { mark?: number }).mark), 'the page was not loaded again').toBe(1);

    await row.getByRole('link').click();
    await expect(page.getByRole('heading', { name: run.title })).toBeVisible();
  } finally {
    await api.disconnect(connection.id);
  }
});

test('a run page follows its run', async ({ page, api }) => {
  const connection = await api.connect();
  try {
    const run = new WorkflowRun(`follow ${Date.now()}`);
    await api.deliver(connection, 'workflow_run', run.event('in_progress'));
    await expect.poll(async () => (await api.runs({ q: run.title })).length).toBe(1);
    const [known] = await api.runs({ q: run.title });
    await page.goto(`/pipelines/${known?.id}/`);
    await live(page);
    await expect(page.locator('header').getByText('Running')).toBeVisible();
    await api.deliver(connection, 'workflow_run', run.event('completed', 'failure'));
    await expect(page.locator('header').getByText('Failed', { exact: true })).toBeVisible();
  } finally {
    await api.disconnect(connection.id);
  }
});

test('twelve tabs work, and all of them are live', async ({ context, api }) => {
  // Twelve pages on two busy cores take longer than one.
  test.setTimeout(240_000);
  const connection = await api.connect();
  try {
    const pages = [];
    for (let tab = 0; tab < 12; tab++) {
      const page = await context.newPage();
      // A browser has six connections per host; a stream per tab would make the seventh wait for ever.
      await page.goto('/pipelines/', { timeout: 15_000 });
      await live(page);
      pages.push(page);
    }
    const run = new WorkflowRun(`twelve ${Date.now()}`);
    await api.deliver(connection, 'workflow_run', run.event('in_progress'));
    for (const page of pages) await expect(page.locator('[data-run]').filter({ hasText: run.title })).toBeVisible({ timeout: 30_000 });
  } finally {
    await api.disconnect(connection.id);
  }
});
