'use client';
import type { Connection, Plugin } from '@opssight/client';
import { ChevronLeft, HeartPulse, Pencil, RefreshCw, Trash2 } from 'lucide-react';
import Link from 'next/link';
import { useRouter } from 'next/navigation';
import { useEffect, useState } from 'react';
import { usePlugins } from '@/features/plugins/queries';
import { asProblem } from '@/lib/api';
import { count } from '@/lib/format';
import { usePathId } from '@/lib/path-id';
import { Badge } from '@/ui/badge';
import { Button } from '@/ui/button';
import { Switch } from '@/ui/controls';
import { Confirm } from '@/ui/confirm';
import { Fact, PageHeader, Section } from '@/ui/page';
import { Loaded, SkeletonRows } from '@/ui/states';
import { Ago } from '@/ui/time';
import { useToasts } from '@/ui/toast';
import { CheckResultLine } from './check-result';
import { DeliveryLog } from './delivery-log';
import { Feeds } from './feeds';
import { ConnectionForm } from './form';
import { HealthBadge } from './health';
import { HookSetup } from './hook-setup';
import { Markdown } from './markdown-view';
import { OvertakenForm } from './overtaken';
import { useCheckConnection, useConnection, useLoadConnection, usePatchConnection, useRemoveConnection, useSyncConnection } from './queries';
import { isOvertaken, type Seen } from './wire';
import { Withheld } from './withheld';

export function ConnectionPage() {
  const id = usePathId();
  const query = useConnection(id);
  const plugins = usePlugins();
  return (
    <>
      <Link href="/connections/" className="mb-3 inline-flex items-center gap-1 text-sm text-muted hover:text-text">
        <ChevronLeft size={14} aria-hidden /> Connections
      </Link>
      <Loaded query={query} skeleton={<div className="card"><SkeletonRows rows={6} /></div>}>
        {(seen) => <View seen={seen} plugin={plugins.data?.items.find((one) => one.id === seen.connection.plugin)} />}
      </Loaded>
    </>
  );
}

function View({ seen, plugin }: { seen: Seen; plugin: Plugin | undefined }) {
  const { connection } = seen;
  const [open, setOpen] = useState<'edit' | 'remove'>();
  useEffect(() => {
    document.title = `${connection.name} · OpsSight`;
  }, [connection.name]);
  if (open === 'edit' && plugin) return <Edit seen={seen} plugin={plugin} onDone={() => setOpen(undefined)} />;
  return (
    <>
      <Header connection={connection} plugin={plugin} onEdit={() => setOpen('edit')} onRemove={() => setOpen('remove')} />
      <div className="space-y-4">
        <div className="grid gap-4 lg:grid-cols-[minmax(0,1fr)_minmax(0,1fr)]">
          <Section title="Status">
            <StatusFacts connection={connection} />
          </Section>
          {connection.hook_path && (
            <Section title="Deliveries come to">
              <HookSetup connection={{ ...connection, webhook_secret: undefined }} plugin={undefined} />
              {plugin?.webhook?.setup && (
                <details className="mt-3 text-sm">
                  <summary className="w-fit rounded text-muted hover:text-text">How to set up the upstream</summary>
                  <div className="mt-2">
                    <Markdown source={plugin.webhook.setup} />
                  </div>
                </details>
              )}
            </Section>
          )}
        </div>
        {connection.status.feeds.length > 0 && <Feeds feeds={connection.status.feeds} known={plugin?.feeds ?? []} />}
        <DeliveryLog connection={connection.id} />
        {plugin && <Withheld seen={seen} plugin={plugin} />}
      </div>
      {open === 'remove' && <Remove connection={connection} onClose={() => setOpen(undefined)} />}
    </>
  );
}

function Header({ connection, plugin, onEdit, onRemove }: { connection: Connection; plugin: Plugin | undefined; onEdit: () => void; onRemove: () => void }) {
  const patch = usePatchConnection(connection.id);
  const check = useCheckConnection(connection.id);
  const sync = useSyncConnection(connection.id);
  const toasts = useToasts();
  return (
    <>
      <PageHeader
        title={
          <span className="flex flex-wrap items-center gap-2.5">
            {connection.name} <HealthBadge connection={connection} />
          </span>
        }
        note={plugin?.name ?? connection.plugin}
        actions={
          <>
            <Switch
              label="On"
              checked={(patch.isPending ? patch.variables?.patch.enabled : undefined) ?? connection.enabled}
              disabled={patch.isPending}
              onChange={(enabled) =>
                patch.mutate({ patch: { enabled } }, { onError: (error) => toasts.bad('It could not be switched', asProblem(error).detail) })
              }
            />
            <Button icon={<HeartPulse size={14} aria-hidden />} busy={check.isPending} onClick={() => check.mutate()}>
              Check now
            </Button>
            {connection.status.feeds.length > 0 && (
              <Button
                icon={<RefreshCw size={14} aria-hidden />}
                busy={sync.isPending}
                onClick={() => sync.mutate(undefined, { onSuccess: () => toasts.good('Every feed is due now') })}
              >
                Sync now
              </Button>
            )}
            <Button icon={<Pencil size={14} aria-hidden />} onClick={onEdit} disabled={!plugin}>
              Edit
            </Button>
            <Button className="text-bad!" icon={<Trash2 size={14} aria-hidden />} onClick={onRemove}>
              Remove
            </Button>
          </>
        }
      />
      {check.data && (
        <div className="card mb-4 px-4 py-3">
          <CheckResultLine result={check.data} />
        </div>
      )}
    </>
  );
}

function StatusFacts({ connection: { status, credentials, grants, created_at } }: { connection: Connection }) {
  const networks = grants.networks ?? [];
  return (
    <div className="space-y-4">
      {status.summary && <p className="text-sm break-words first-letter:uppercase">{status.summary}</p>}
      <dl className="grid grid-cols-2 gap-x-6 gap-y-3 sm:grid-cols-3">
        <Fact name="Checked">{status.checked_at ? <Ago time={status.checked_at} /> : 'never'}</Fact>
        <Fact name="Last delivery">{status.last_delivery_at ? <Ago time={status.last_delivery_at} /> : 'none yet'}</Fact>
        <Fact name="Waiting">{count(status.pending)}</Fact>
        <Fact name="Failed">{status.failed > 0 ? <span className="font-medium text-bad">{count(status.failed)}</span> : '0'}</Fact>
        <Fact name="Made">
          <Ago time={created_at} />
        </Fact>
        {networks.length > 0 && (
          <Fact name="May also reach">
            <code className="text-xs">{networks.join(', ')}</code>
            {grants.insecure_http && ' (plain http too)'}
          </Fact>
        )}
        {Object.entries(credentials).map(([name, state]) => (
          <Fact key={name} name={`Credential “${name}”`}>
            <span className="flex flex-wrap items-center gap-1">
              <Badge>{state.scheme}</Badge>
              {Object.entries(state.inputs).map(([input, value]) => (
                <span key={input} className="max-w-full truncate text-xs text-muted">
                  {input} {value}
                </span>
              ))}
            </span>
          </Fact>
        ))}
      </dl>
    </div>
  );
}

function Edit({ seen: shown, plugin, onDone }: { seen: Seen; plugin: Plugin; onDone: () => void }) {
  // The form was filled from this; what the connection becomes while somebody types must not slip under it.
  const [seen, setSeen] = useState(shown);
  const patch = usePatchConnection(seen.connection.id);
  const load = useLoadConnection(seen.connection.id);
  const toasts = useToasts();
  const overtaken = isOvertaken(patch.error);
  const loadNow = () =>
    load.mutate(undefined, {
      onSuccess: (now) => {
        setSeen(now);
        patch.reset();
      },
    });
  return (
    <div className="mx-auto max-w-3xl">
      <PageHeader title={`Edit ${seen.connection.name}`} />
      <ConnectionForm
        plugin={plugin}
        connection={seen.connection}
        action="Save"
        busy={patch.isPending}
        error={patch.error && !overtaken ? asProblem(patch.error) : undefined}
        notice={overtaken && <OvertakenForm busy={load.isPending} problem={load.error ? asProblem(load.error).detail : undefined} onLoad={loadNow} />}
        onCancel={onDone}
        onSubmit={(filled) =>
          patch.mutate(
            { patch: filled, tag: seen.tag },
            {
              onSuccess: () => {
                toasts.good('Saved');
                onDone();
              },
            },
          )
        }
      />
    </div>
  );
}

function Remove({ connection, onClose }: { connection: Connection; onClose: () => void }) {
  const remove = useRemoveConnection(connection.id);
  const router = useRouter();
  const toasts = useToasts();
  return (
    <Confirm
      title={`Remove ${connection.name}?`}
      action="Remove"
      danger="danger"
      typed={connection.name}
      busy={remove.isPending}
      error={remove.error ? asProblem(remove.error).detail : undefined}
      onClose={onClose}
      onConfirm={() =>
        remove.mutate(undefined, {
          onSuccess: () => {
            toasts.good(`${connection.name} is removed`);
            router.replace('/connections/');
          },
        })
      }
    >
      <p>Deliveries to its address are refused from now on and its credentials are deleted. This cannot be undone.</p>
    </Confirm>
  );
}
