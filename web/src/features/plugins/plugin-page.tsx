'use client';
import type { Plugin } from '@opssight/client';
import { ChevronLeft, CircleSlash, OctagonX, Trash2, Undo2 } from 'lucide-react';
import Link from 'next/link';
import { useRouter } from 'next/navigation';
import { useEffect, useState } from 'react';
import { asProblem } from '@/lib/api';
import { usePathId } from '@/lib/path-id';
import { useUrlState } from '@/lib/url-state';
import { Button } from '@/ui/button';
import { Confirm } from '@/ui/confirm';
import { Switch, Tabs } from '@/ui/controls';
import { PageHeader, Section } from '@/ui/page';
import { Loaded, SkeletonRows } from '@/ui/states';
import { useToasts } from '@/ui/toast';
import { Abilities } from './abilities';
import { PluginDetails, StateBadges } from './details';
import { Events } from './events';
import { usePlugin, useStep, useUninstall } from './queries';
import { Versions, Waiting } from './versions';
import { ShadowBadge, ShadowCard } from './shadow';

const TABS = [
  { value: '', text: 'About' },
  { value: 'versions', text: 'Versions' },
  { value: 'events', text: 'What happened' },
] as const;

export function PluginPage() {
  const id = usePathId();
  const query = usePlugin(id);
  return (
    <>
      <Link href="/plugins/" className="mb-3 inline-flex items-center gap-1 text-sm text-muted hover:text-text">
        <ChevronLeft size={14} aria-hidden /> Plugins
      </Link>
      <Loaded query={query} skeleton={<div className="card"><SkeletonRows rows={6} /></div>}>
        {(plugin) => <View plugin={plugin} />}
      </Loaded>
    </>
  );
}

function View({ plugin }: { plugin: Plugin }) {
  const { get, set } = useUrlState();
  const tab = get('tab');
  useEffect(() => {
    document.title = `${plugin.name} · OpsSight`;
  }, [plugin.name]);
  return (
    <>
      <Header plugin={plugin} />
      {plugin.waiting && <Waiting id={plugin.id} waiting={plugin.waiting} />}
      {plugin.shadow && <ShadowCard id={plugin.id} shadow={plugin.shadow} />}
      <Tabs label="About this plugin" value={tab} onChange={(value) => set({ tab: value })} tabs={TABS} />
      <div id="tab-panel" role="tabpanel" aria-labelledby={`tab-${tab}`} className="space-y-4">
        {tab === 'versions' ? (
          <Versions id={plugin.id} />
        ) : tab === 'events' ? (
          <Events id={plugin.id} />
        ) : (
          <>
            <Section title="What it can do" note="computed from its bytes">
              <Abilities abilities={plugin.can} />
            </Section>
            <PluginDetails plugin={plugin} />
          </>
        )}
      </div>
    </>
  );
}

function Header({ plugin }: { plugin: Plugin }) {
  const step = useStep(plugin.id);
  const toasts = useToasts();
  const [open, setOpen] = useState<'rollback' | 'revoke' | 'uninstall'>();
  const failed = (error: unknown) => toasts.bad('That did not happen', asProblem(error).detail);
  return (
    <>
      <PageHeader
        title={
          <span className="flex flex-wrap items-center gap-2.5">
            {plugin.name} <span className="text-sm font-normal text-faint">{plugin.version}</span>{' '}
            <StateBadges plugin={plugin} compared={plugin.shadow && <ShadowBadge id={plugin.id} shadow={plugin.shadow} />} />
          </span>
        }
        note={`${plugin.description} By ${plugin.publisher}.`}
        actions={
          <>
            <Switch
              label="On"
              checked={plugin.enabled}
              disabled={step.isPending}
              onChange={(enabled) => step.mutate({ step: enabled ? 'enable' : 'disable' }, { onError: failed })}
            />
            <Button icon={<Undo2 size={14} aria-hidden />} onClick={() => setOpen('rollback')}>
              Roll back
            </Button>
            <Button className="text-bad!" icon={<OctagonX size={14} aria-hidden />} onClick={() => setOpen('revoke')}>
              Revoke
            </Button>
            <Button className="text-bad!" icon={<Trash2 size={14} aria-hidden />} onClick={() => setOpen('uninstall')}>
              Uninstall
            </Button>
          </>
        }
      />
      {!plugin.enabled && (
        <p className="card mb-4 flex items-center gap-2 px-4 py-3 text-sm">
          <CircleSlash size={16} className="text-faint" aria-hidden /> It is switched off: deliveries are taken and wait, nothing else happens.
        </p>
      )}
      {open === 'rollback' && <Rollback plugin={plugin} onClose={() => setOpen(undefined)} />}
      {open === 'revoke' && <Revoke plugin={plugin} onClose={() => setOpen(undefined)} />}
      {open === 'uninstall' && <Uninstall plugin={plugin} onClose={() => setOpen(undefined)} />}
    </>
  );
}

function Rollback({ plugin, onClose }: { plugin: Plugin; onClose: () => void }) {
  const step = useStep(plugin.id);
  return (
    <Confirm
      title={`Roll ${plugin.name} back?`}
      action="Roll back"
      danger="caution"
      busy={step.isPending}
      error={step.error ? asProblem(step.error).detail : undefined}
      onClose={onClose}
      onConfirm={() => step.mutate({ step: 'rollback', reason: 'rolled back in the dashboard' }, { onSuccess: onClose })}
    >
      <p>The version that ran before takes over for all connections. Version {plugin.version} is withdrawn. No delivery is lost.</p>
    </Confirm>
  );
}

function Revoke({ plugin, onClose }: { plugin: Plugin; onClose: () => void }) {
  const step = useStep(plugin.id);
  return (
    <Confirm
      title={`Revoke ${plugin.name}?`}
      action="Revoke"
      danger="danger"
      typed={plugin.id}
      busy={step.isPending}
      error={step.error ? asProblem(step.error).detail : undefined}
      onClose={onClose}
      onConfirm={() => step.mutate({ step: 'revoke', reason: 'revoked in the dashboard' }, { onSuccess: onClose })}
    >
      <p>All its versions stop now: calls under way are interrupted, and it is not used again until the revocation is lifted.</p>
      <p>Deliveries are taken all the same, and wait.</p>
    </Confirm>
  );
}

function Uninstall({ plugin, onClose }: { plugin: Plugin; onClose: () => void }) {
  const uninstall = useUninstall(plugin.id);
  const router = useRouter();
  const toasts = useToasts();
  const [remove, setRemove] = useState(false);
  return (
    <Confirm
      title={`Uninstall ${plugin.name}?`}
      action="Uninstall"
      danger="danger"
      typed={plugin.id}
      busy={uninstall.isPending}
      error={uninstall.error ? asProblem(uninstall.error).detail : undefined}
      onClose={onClose}
      onConfirm={() =>
        uninstall.mutate(remove ? 'remove' : 'keep', {
          onSuccess: () => {
            toasts.good(`${plugin.name} is uninstalled`);
            router.replace('/plugins/');
          },
        })
      }
    >
      <p>{remove ? 'Its connections are removed with credentials and state. This cannot be undone.' : 'Its connections stay, and work again after a new installation.'}</p>
      <label className="flex items-center gap-2">
        <input type="checkbox" className="size-4 accent-(--accent-solid)" checked={remove} onChange={(event) => setRemove(event.target.checked)} />
        Remove its connections too
      </label>
    </Confirm>
  );
}
