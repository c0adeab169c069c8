import { defineConfig } from '@playwright/test';

/**
 * Against a running server: `OPSSIGHT_URL` and the admin's `OPSSIGHT_SECRET`. The server should hold the demo's
 * data; what is there is asked of the API, so that no test depends on a particular delivery.
 */
export default defineConfig({
  testDir: './e2e',
  // One folder per server: a run empties it, and two runs may share a working tree.
  outputDir: `./test-results/${new URL(process.env['OPSSIGHT_URL'] ?? 'http://none').host.replace(/\W/g, '-')}`,
  timeout: 60_000,
  expect: { timeout: 10_000 },
  workers: 1,
  retries: 0,
  forbidOnly: true,
  reporter: [['list']],
  globalSetup: './e2e/setup.ts',
  use: {
    baseURL: process.env['OPSSIGHT_URL'],
    viewport: { width: 1280, height: 860 },
    trace: 'retain-on-failure',
    launchOptions: {
      executablePath: process.env['CHROMIUM'] ?? '/usr/bin/chromium',
      args: [
        '--no-sandbox',
        '--disable-gpu',
        '--disable-quic',
        '--no-first-run',
        '--disable-background-networking',
        '--disable-component-update',
        '--disable-sync',
      ],
    },
  },
});
