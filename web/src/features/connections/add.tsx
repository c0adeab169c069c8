'use client';
import type { Connection, Plugin } from '@opssight/client';
import { ChevronLeft, ChevronRight, CircleCheck, LoaderCircle, Puzzle } from 'lucide-react';
import Link from 'next/link';
import { useRouter } from 'next/navigation';
import { useState } from 'react';
import { Abilities } from '@/features/plugins/abilities';
import { usePlugins } from '@/features/plugins/queries';
import { asProblem } from '@/lib/api';
import { connectionHref } from '@/lib/path-id';
import { useUrlState } from '@/lib/url-state';
import { Button, buttonClass } from '@/ui/button';
import { PageHeader, Section } from '@/ui/page';
import { Empty, Loaded, SkeletonRows } from '@/ui/states';
import { CheckResultLine } from './check-result';
import { ConnectionForm } from './form';
import { HookSetup } from './hook-setup';
import { useCheckConnection, useConnection, useCreateConnection } from './queries';

/** Choose a plugin, fill in its form, then set up the deliveries. */
export function AddConnection({ plugin: chosen }: { plugin: string }) {
  const { set } = useUrlState();
  const query = usePlugins();
  const [made, setMade] = useState<Connection>();
  return (
    <div className="mx-auto max-w-3xl">
      <Link href="/connections/" className="mb-3 inline-flex items-center gap-1 text-sm text-muted hover:text-text">
        <ChevronLeft size={14} aria-hidden /> Connections
      </Link>
      <Loaded query={query}>
        {({ items }) => {
          // With a single plugin there is nothing to choose.
          const plugin = items.find(({ id }) => id === chosen) ?? (items.length === 1 ? items[0] : undefined);
          if (made) return <Made connection={made} plugin={plugin} />;
          if (!plugin) return <Choose plugins={items} onChoose={(id) => set({ add: id }, 'push')} />;
          return <Fill plugin={plugin} onMade={setMade} />;
        }}
      </Loaded>
    </div>
  );
}

function Choose({ plugins, onChoose }: { plugins: Plugin[]; onChoose: (id: string) => void }) {
  return (
    <>
      <PageHeader title="Add a connection" note="What should OpsSight look at?" />
      <section className="card overflow-hidden" aria-label="Plugins">
        {plugins.length === 0 ? (
          <Empty icon={<Puzzle size={20} aria-hidden />} title="No plugin is installed">
            Install one on the server; it shows up here without a restart.
          </Empty>
        ) : (
          <ul className="divide-y divide-line">
            {plugins.map((plugin) => (
              <li key={plugin.id}>
                <button type="button" data-row onClick={() => onChoose(plugin.id)} className="flex w-full items-center gap-3 px-4 py-3 text-left hover:bg-hover focus-visible:-outline-offset-2">
                  <Puzzle size={18} className="text-faint" aria-hidden />
                  <span className="min-w-0 grow">
                    <span className="block text-sm font-medium">{plugin.name}</span>
                    <span className="block truncate text-xs text-muted">{plugin.description}</span>
                  </span>
                  <ChevronRight size={16} className="text-faint" aria-hidden />
                </button>
              </li>
            ))}
          </ul>
        )}
      </section>
    </>
  );
}

function Fill({ plugin, onMade }: { plugin: Plugin; onMade: (connection: Connection) => void }) {
  const router = useRouter();
  const create = useCreateConnection();
  return (
    <>
      <PageHeader title={`Connect ${plugin.name}`} note={plugin.description} />
      <details className="card mb-6 px-4 py-3">
        <summary className="w-fit rounded text-sm font-medium">What you agree to: {plugin.name} {plugin.version} can do {plugin.can.length} things</summary>
        <div className="mt-3">
          <Abilities abilities={plugin.can} />
        </div>
      </details>
      <ConnectionForm
        plugin={plugin}
        action="Connect"
        busy={create.isPending}
        error={create.error ? asProblem(create.error) : undefined}
        onCancel={() => router.push('/connections/')}
        onSubmit={(filled) =>
          create.mutate(
            // What was shown is what is agreed to, even if another version runs by now.
            { plugin: plugin.id, consent: plugin.digest, ...filled },
            {
              onSuccess: (connection) => {
                onMade(connection);
                window.scrollTo({ top: 0 });
              },
            },
          )
        }
      />
    </>
  );
}

/** The only time that the secret is shown; also where one sees the first delivery come in. */
function Made({ connection, plugin }: { connection: Connection; plugin: Plugin | undefined }) {
  const now = useConnection(connection.id);
  const check = useCheckConnection(connection.id);
  const arrived = Boolean(now.data?.connection.status.last_delivery_at);
  return (
    <>
      <PageHeader title={`${connection.name} is connected`} note={connection.hook_path ? 'One step is left: tell the upstream where to deliver.' : undefined} />
      <div className="space-y-4">
        {connection.hook_path && (
          <Section title="Set up deliveries">
            <HookSetup connection={connection} plugin={plugin} />
          </Section>
        )}
        <section className="card flex flex-wrap items-center gap-x-4 gap-y-3 px-4 py-3" aria-label="What happens now">
          {connection.hook_path && (
            <p className="flex min-w-0 grow basis-60 items-center gap-2 text-sm" role="status">
              {arrived ? <CircleCheck size={16} className="text-good" aria-hidden /> : <LoaderCircle size={16} className="spin text-faint" aria-hidden />}
              {arrived ? 'The first delivery has arrived.' : 'Waiting for the first delivery…'}
            </p>
          )}
          <Button busy={check.isPending} onClick={() => check.mutate()}>
            Check the sign-in
          </Button>
          <Link href={connectionHref(connection.id)} className={buttonClass('primary')}>
            Open the connection
          </Link>
          {check.data && (
            <div className="w-full">
              <CheckResultLine result={check.data} />
            </div>
          )}
        </section>
      </div>
    </>
  );
}
