'use client';
import type { Overview } from '@opssight/client';
import clsx from 'clsx';
import { Check } from 'lucide-react';
import Link from 'next/link';
import { useConnections } from '@/features/connections/queries';
import { connectionHref } from '@/lib/path-id';
import { buttonClass } from '@/ui/button';

/** The way from an empty server to the first run on the screen; each step ticks itself. */
export function Checklist({ overview }: { overview: Overview }) {
  const connections = useConnections();
  const first = connections.data?.items[0];
  const delivered = connections.data?.items.some((connection) => connection.status.last_delivery_at) ?? false;
  const seen = overview.services.length > 0;
  const steps = [
    {
      title: 'Connect a CI system',
      text: 'Choose a plugin, sign in with a token or an app, and say which repositories to look at.',
      done: overview.connections > 0,
      href: '/connections/?add=1',
      action: 'Add a connection',
    },
    {
      title: 'Point its webhook here',
      text: 'Paste the hook address and the secret upstream, so that every change arrives within a second.',
      done: delivered || seen,
      href: first ? connectionHref(first.id) : '/connections/',
      action: 'Show the hook address',
    },
    {
      title: 'Watch the first run arrive',
      text: 'Push a commit, or let the history be read. Runs, deployments and delivery metrics fill themselves.',
      done: seen,
      href: '/pipelines/',
      action: 'Open the pipelines',
    },
  ];
  const current = steps.findIndex((step) => !step.done);
  return (
    <section aria-labelledby="first-steps" className="card overflow-hidden">
      <header className="border-b border-line p-5">
        <h2 id="first-steps" className="text-lg font-semibold tracking-tight">
          Three steps to your first pipeline
        </h2>
        <p className="text-sm text-muted">This page becomes your overview as soon as something is connected.</p>
      </header>
      <ol>
        {steps.map((step, index) => (
          <li key={step.title} className={clsx('flex flex-wrap items-center gap-x-4 gap-y-3 border-t border-line p-5 first:border-t-0', index > current && !step.done && 'opacity-80')}>
            <span
              aria-hidden
              className={clsx(
                'flex size-7 shrink-0 items-center justify-center rounded-full border text-xs font-semibold',
                step.done ? 'border-transparent bg-good text-panel' : index === current ? 'border-accent text-accent' : 'border-line-strong text-faint',
              )}
            >
              {step.done ? <Check size={14} /> : index + 1}
            </span>
            <div className="min-w-0 grow basis-64">
              <p className="text-sm font-medium">
                {step.title}
                {step.done && <span className="sr-only"> (done)</span>}
              </p>
              <p className="text-sm text-muted">{step.text}</p>
            </div>
            {!step.done && (
              <Link href={step.href} className={buttonClass(index === current ? 'primary' : 'plain')}>
                {step.action}
              </Link>
            )}
          </li>
        ))}
      </ol>
    </section>
  );
}
