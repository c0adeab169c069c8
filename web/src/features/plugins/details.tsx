import type { Plugin } from '@opssight/client';
import type { ReactNode } from 'react';
import { bytes, count, duration, micros, period } from '@/lib/format';
import { Badge } from '@/ui/badge';
import { CopyButton } from '@/ui/copy';
import { Figure } from '@/ui/page';

/** What is unusual about how a plugin stands; nothing when all is usual. `compared` says more about a shadow. */
export function StateBadges({ plugin, compared }: { plugin: Plugin; compared?: ReactNode }) {
  return (
    <>
      {!plugin.enabled && <Badge>switched off</Badge>}
      {plugin.state !== 'active' && <Badge tone="bad">{plugin.state}</Badge>}
      {plugin.waiting && <Badge tone="wait">update waits</Badge>}
      {plugin.shadow && (compared ?? <Badge tone="busy">being compared</Badge>)}
      {!plugin.signer && <Badge tone="wait">not signed</Badge>}
    </>
  );
}

/** What it did, where it may send requests, what it pulls and can be asked for, and its limits. */
export function PluginDetails({ plugin }: { plugin: Plugin }) {
  return (
    <section aria-label="Details" className="card overflow-hidden">
      <Stats plugin={plugin} />
      <div className="grid gap-x-8 gap-y-6 border-t border-line p-4 lg:grid-cols-2">
        <Part title="Where it may send requests">
          <ul className="space-y-2.5">
            {plugin.egress.map((rule) => (
              <li key={`${rule.url} ${rule.methods.join()}`} className="text-sm">
                <p className="flex flex-wrap items-center gap-x-2 gap-y-1">
                  <code className="text-xs break-all">{rule.url}</code>
                  <span className="text-xs text-faint">{rule.methods.join(', ')}</span>
                  {rule.credential && <Badge title="The host attaches it; the plugin never sees it">signed by the host</Badge>}
                </p>
                <p className="text-xs text-muted">{rule.reason}</p>
              </li>
            ))}
            {plugin.egress.length === 0 && <li className="text-sm text-muted">Nowhere. It has no network.</li>}
          </ul>
        </Part>
        {plugin.actions.length > 0 && (
          <Part title="What it can be asked to do">
            <ul className="space-y-1.5">
              {plugin.actions.map((action) => (
                <li key={action.name} className="text-sm">
                  <span className="font-medium">{action.title}</span>{' '}
                  {action.danger !== 'safe' && <Badge tone={action.danger === 'danger' ? 'bad' : 'wait'}>{action.danger}</Badge>}
                  <span className="block text-xs text-muted">{action.description}</span>
                </li>
              ))}
            </ul>
          </Part>
        )}
        {plugin.feeds.length > 0 && (
          <Part title="What it pulls">
            <ul className="space-y-1.5">
              {plugin.feeds.map((feed) => (
                <li key={feed.name} className="flex justify-between gap-4 text-sm">
                  {feed.title}
                  <span className="shrink-0 text-xs text-muted">every {period(feed.every_secs * 1_000)}</span>
                </li>
              ))}
            </ul>
          </Part>
        )}
        <Part title="Limits of one call">
          <Budgets plugin={plugin} />
        </Part>
        <Part title="What it is made of">
          <p className="flex min-w-0 items-center gap-1 text-xs text-muted">
            <code className="truncate" title={plugin.digest}>
              {plugin.digest}
            </code>
            <CopyButton value={plugin.digest} label="Copy the digest" />
          </p>
          <details className="mt-2">
            <summary className="w-fit rounded text-xs text-muted hover:text-text">
              {plugin.imports.length} interfaces that it imports
            </summary>
            <ul className="mt-1.5 space-y-0.5 font-mono text-xs break-all text-muted">
              {plugin.imports.map((name) => (
                <li key={name}>{name}</li>
              ))}
            </ul>
          </details>
        </Part>
      </div>
    </section>
  );
}

function Part({ title, children }: { title: string; children: ReactNode }) {
  return (
    <section className="min-w-0">
      <h3 className="mb-2 text-xs font-medium text-faint">{title}</h3>
      {children}
    </section>
  );
}

export function Stats({ plugin: { stats } }: { plugin: Plugin }) {
  const failures = Object.entries(stats.failures).filter(([, n]) => n > 0);
  const failed = failures.reduce((sum, [, n]) => sum + n, 0);
  return (
    <div className="p-4">
      <div className="grid grid-cols-2 gap-4 sm:grid-cols-3 lg:grid-cols-6">
        <Figure name="Calls" value={count(stats.calls)} note="since the start" />
        <Figure name="Failures" value={count(failed)} note={failures.length ? failures.map(([fault, n]) => `${n} ${fault}`).join(', ') : 'none'} />
        <Figure name="CPU per call" value={micros(stats.cpu_us_p50)} note={`p99 ${micros(stats.cpu_us_p99)}`} />
        <Figure name="Time per call" value={micros(stats.wall_us_p50)} note={`p99 ${micros(stats.wall_us_p99)}`} />
        <Figure name="Most memory" value={bytes(stats.memory_bytes_max)} note="of one call" />
        <Figure name="Requests" value={count(stats.egress_requests)} note={`${count(stats.egress_denied)} refused`} />
      </div>
      {stats.last_error && (
        <p className="mt-3 rounded-lg border border-l-[3px] border-line border-l-bad px-3 py-2 text-xs break-words text-muted">
          <span className="font-medium text-text">Last error:</span> {stats.last_error}
        </p>
      )}
    </div>
  );
}

function Budgets({ plugin }: { plugin: Plugin }) {
  const kinds = Object.entries(plugin.budgets);
  return (
    <div className="overflow-x-auto" role="region" aria-label={`Limits of ${plugin.name}`} tabIndex={0}>
      <table className="w-full text-xs tabular-nums">
        <thead>
          <tr className="text-left text-faint">
            <th scope="col" className="py-1 pr-3 font-normal">Kind</th>
            <th scope="col" className="py-1 pr-3 text-right font-normal">CPU</th>
            <th scope="col" className="py-1 pr-3 text-right font-normal">Time</th>
            <th scope="col" className="py-1 pr-3 text-right font-normal">Memory</th>
            <th scope="col" className="py-1 pr-3 text-right font-normal">Requests</th>
            <th scope="col" className="py-1 text-right font-normal">Response</th>
          </tr>
        </thead>
        <tbody>
          {kinds.map(([kind, budget]) => (
            <tr key={kind} className="border-t border-line">
              <th scope="row" className="py-1 pr-3 text-left font-medium">{kind}</th>
              <td className="py-1 pr-3 text-right whitespace-nowrap">{duration(budget.cpu_ms)}</td>
              <td className="py-1 pr-3 text-right whitespace-nowrap">{duration(budget.wall_ms)}</td>
              <td className="py-1 pr-3 text-right whitespace-nowrap">{budget.memory_mib} MiB</td>
              <td className="py-1 pr-3 text-right">{count(budget.requests)}</td>
              <td className="py-1 text-right whitespace-nowrap">{bytes(budget.response_kib * 1024)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
