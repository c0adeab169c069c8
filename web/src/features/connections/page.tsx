'use client';
import type { Connection } from '@opssight/client';
import { Cable, Plus } from 'lucide-react';
import Link from 'next/link';
import type { ReactNode } from 'react';
import { usePlugins } from '@/features/plugins/queries';
import { plural } from '@/lib/format';
import { connectionHref } from '@/lib/path-id';
import { useUrlState } from '@/lib/url-state';
import { Badge } from '@/ui/badge';
import { buttonClass } from '@/ui/button';
import { PageHeader } from '@/ui/page';
import { Empty, Loaded, SkeletonRows } from '@/ui/states';
import { Ago } from '@/ui/time';
import { AddConnection } from './add';
import { HealthBadge } from './health';
import { useConnections } from './queries';

export function ConnectionsPage() {
  const { get } = useUrlState();
  return get('add') ? <AddConnection plugin={get('add')} /> : <List />;
}

/** The form is this page with another address: nothing has to be fetched to get there, and no fetch under way can undo it. */
function AddLink({ children }: { children: ReactNode }) {
  const { set } = useUrlState();
  return (
    <Link
      href="/connections/?add=1"
      prefetch={false}
      className={buttonClass('primary')}
      onClick={(event) => {
        if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
        event.preventDefault();
        set({ add: '1' }, 'push');
      }}
    >
      {children}
    </Link>
  );
}

function List() {
  const query = useConnections();
  const plugins = usePlugins();
  const nameOf = (id: string) => plugins.data?.items.find((plugin) => plugin.id === id)?.name ?? id;
  return (
    <>
      <PageHeader
        title="Connections"
        note="Configured plugins: what they take in and how they are doing"
        actions={
          <AddLink>
            <Plus size={14} aria-hidden /> Add connection
          </AddLink>
        }
      />
      <section className="card overflow-hidden" aria-label="Connections">
        <Loaded query={query} skeleton={<SkeletonRows rows={3} />}>
          {({ items }) =>
            items.length === 0 ? (
              <Empty
                icon={<Cable size={20} aria-hidden />}
                title="Nothing is connected yet"
                action={
                  <AddLink>Add the first connection</AddLink>
                }
              >
                A connection tells a plugin which account to look at and how to sign in there.
              </Empty>
            ) : (
              <ul className="divide-y divide-line">
                {items.map((connection) => (
                  <Row key={connection.id} connection={connection} plugin={nameOf(connection.plugin)} />
                ))}
              </ul>
            )
          }
        </Loaded>
      </section>
    </>
  );
}

function Row({ connection, plugin }: { connection: Connection; plugin: string }) {
  const { status } = connection;
  return (
    <li className="relative flex flex-wrap items-center gap-x-6 gap-y-1.5 px-4 py-3 focus-within:bg-hover hover:bg-hover">
      <div className="min-w-0 grow basis-52">
        <Link
          href={connectionHref(connection.id)}
          prefetch={false}
          data-row
          className="truncate text-sm font-medium after:absolute after:inset-0 focus-visible:outline-none focus-visible:after:outline-2 focus-visible:after:-outline-offset-2 focus-visible:after:outline-accent"
        >
          {connection.name}
        </Link>
        <p className="truncate text-xs text-muted">
          {plugin}
          {status.summary && <> · {status.summary}</>}
        </p>
      </div>
      <HealthBadge connection={connection} />
      {status.failed > 0 && <Badge tone="bad">{plural(status.failed, 'failed delivery', 'failed deliveries')}</Badge>}
      {status.pending > 0 && <Badge tone="busy">{status.pending} waiting</Badge>}
      <p className="text-xs text-muted sm:w-44 sm:text-right">
        {status.last_delivery_at ? (
          <>
            Last delivery <Ago time={status.last_delivery_at} />
          </>
        ) : (
          'No delivery yet'
        )}
      </p>
    </li>
  );
}
