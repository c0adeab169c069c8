import { expect, test, type Api } from './base';

/** A window that holds the newest deployment: the demo's deliveries are of years ago. */
async function windowWithDeployments(api: Api): Promise<string | undefined> {
  const { items } = await api.get('/api/v1/deployments', { limit: '1', outcome: 'succeeded' });
  const time = items[0]?.finished_at ?? items[0]?.created_at;
  if (!time) return undefined;
  const at = Date.parse(time);
  const day = (ms: number) => new Date(ms).toISOString().slice(0, 10);
  return `window=custom&from=${day(at - 20 * 86_400_000)}&to=${day(at + 86_400_000)}`;
}

test('five metrics, a chart and the evidence behind each', async ({ page, api }) => {
  const window = await windowWithDeployments(api);
  expect(window, 'no deployment in the demo').toBeTruthy();
  await page.goto(`/delivery/?${window}`);
  const tiles = page.getByRole('group', { name: 'Metric' }).getByRole('button');
  await expect(tiles).toHaveCount(5);
  await expect(page.getByRole('img', { name: /Deployment frequency/ })).toBeVisible();
  await expect(page.locator('[data-evidence=deployment_frequency] li').first()).toBeVisible();

  for (const [name, metric] of [
    ['Change lead time', 'change_lead_time'],
    ['Change fail rate', 'change_fail_rate'],
    ['Recovery time', 'failed_deployment_recovery_time'],
    ['Rework rate', 'deployment_rework_rate'],
  ] as const) {
    await tiles.filter({ hasText: name }).click();
    await page.waitForURL(new RegExp(`metric=${metric}`));
    await expect(page.getByRole('heading', { name: new RegExp(name), level: 2 })).toBeVisible();
    await expect(page.locator(`[data-evidence=${metric}] li`).first().or(page.getByText('Nothing counts towards this number'))).toBeVisible();
  }
  await page.reload();
  await expect(tiles.filter({ hasText: 'Rework rate' })).toHaveAttribute('aria-pressed', 'true');
});

test('the numbers are those of the API', async ({ page, api }) => {
  const window = await windowWithDeployments(api);
  expect(window, 'no deployment in the demo').toBeTruthy();
  const params = new URLSearchParams(window);
  const report = await api.get('/api/v1/delivery/metrics', {
    from: `${params.get('from')}T00:00:00Z`,
    to: new Date(Date.parse(`${params.get('to')}T00:00:00Z`) + 86_400_000).toISOString(),
  });
  const row = report.metrics[0];
  expect(row, 'no metrics in the demo').toBeTruthy();
  await page.goto(`/delivery/?${window}&service=${encodeURIComponent(row?.service ?? '')}&environment=${encodeURIComponent(row?.environment ?? '')}`);
  const tile = page.getByRole('group', { name: 'Metric' }).getByRole('button').first();
  await expect(tile).toContainText(new RegExp(`\\D${row?.counts.succeeded} deployments?`));
});

test('an empty window says where the deployments are', async ({ page, api }) => {
  const { items } = await api.get('/api/v1/deployments', { limit: '1' });
  expect(items, 'no deployment in the demo').not.toHaveLength(0);
  await page.goto('/delivery/?window=custom&from=1999-01-01&to=1999-01-31');
  await expect(page.getByText('No deployment in this window')).toBeVisible();
  await page.getByRole('button', { name: /Show the 30 days to/ }).click();
  await expect(page.getByRole('group', { name: 'Metric' })).toBeVisible();
});

test('deployments and changes can be filtered', async ({ page, api }) => {
  const { items } = await api.get('/api/v1/deployments', { limit: '1' });
  await page.goto('/deployments/');
  if (items[0]) {
    await page.getByLabel('Service').selectOption(items[0].service);
    await page.waitForURL(/service=/);
    await expect(page.getByRole('region', { name: 'Deployments' }).getByText(items[0].service).first()).toBeVisible();
  }
  await page.goto('/changes/?state=merged');
  const merged = (await api.get('/api/v1/changes', { state: 'merged', limit: '50' })).items;
  if (merged[0]) await expect(page.getByRole('region', { name: 'Changes' }).locator('li')).toHaveCount(merged.length);
  else await expect(page.getByText('No change matches')).toBeVisible();
});
