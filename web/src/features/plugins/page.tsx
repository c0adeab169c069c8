'use client';
import type { Plugin } from '@opssight/client';
import { PackagePlus, Plus, Puzzle } from 'lucide-react';
import Link from 'next/link';
import { useState } from 'react';
import { bytes } from '@/lib/format';
import { pluginHref } from '@/lib/path-id';
import { Badge } from '@/ui/badge';
import { Button, buttonClass } from '@/ui/button';
import { External } from '@/ui/external';
import { PageHeader } from '@/ui/page';
import { Empty, Loaded, SkeletonRows } from '@/ui/states';
import { StateBadges, Stats } from './details';
import { InstallDialog } from './install';
import { usePlugins } from './queries';

export function PluginsPage() {
  const query = usePlugins();
  const [installing, setInstalling] = useState(false);
  return (
    <>
      <PageHeader
        title="Plugins"
        note="Each runs in a sandbox of its own. What it can do is computed from its bytes."
        actions={
          <Button look="primary" icon={<PackagePlus size={14} aria-hidden />} onClick={() => setInstalling(true)}>
            Install a plugin
          </Button>
        }
      />
      {installing && <InstallDialog onClose={() => setInstalling(false)} />}
      <Loaded query={query} skeleton={<div className="card"><SkeletonRows rows={5} /></div>}>
        {({ items }) =>
          items.length === 0 ? (
            <section className="card">
              <Empty icon={<Puzzle size={20} aria-hidden />} title="No plugin is installed">
                Install one from a file or a catalogue: you see what it can do before anything runs.
              </Empty>
            </section>
          ) : (
            <div className="space-y-4">
              {items.map((plugin) => (
                <Card key={plugin.id} plugin={plugin} />
              ))}
            </div>
          )
        }
      </Loaded>
    </>
  );
}

function Card({ plugin }: { plugin: Plugin }) {
  return (
    <section aria-labelledby={`plugin-${plugin.id}`} className="card overflow-hidden">
      <header className="flex flex-wrap items-start justify-between gap-x-6 gap-y-3 border-b border-line p-4">
        <div className="flex min-w-0 grow basis-72 gap-3">
          <span className="flex size-10 shrink-0 items-center justify-center rounded-lg border border-line bg-sunken text-accent">
            <Puzzle size={20} aria-hidden />
          </span>
          <div className="min-w-0">
            <h2 id={`plugin-${plugin.id}`} className="flex flex-wrap items-center gap-x-2 font-semibold">
              <Link href={pluginHref(plugin.id)} className="hover:underline">
                {plugin.name}
              </Link>{' '}
              <span className="text-xs font-normal text-faint">{plugin.version}</span> <StateBadges plugin={plugin} />
            </h2>
            <p className="text-sm text-muted">{plugin.description}</p>
            <p className="mt-1 flex flex-wrap items-center gap-x-3 gap-y-1 text-xs text-faint">
              <span>by {plugin.publisher}</span>
              <span>{plugin.licence}</span>
              <span>{bytes(plugin.size)}</span>
              <External href={plugin.homepage} className="inline-flex items-center text-xs text-muted hover:text-accent hover:underline">
                Documentation
              </External>
            </p>
          </div>
        </div>
        <div className="flex flex-wrap items-center gap-2">
          {plugin.kinds.map((kind) => (
            <Badge key={kind} tone="accent">
              {kind}
            </Badge>
          ))}
          <Link href={`/connections/?add=${encodeURIComponent(plugin.id)}`} className={buttonClass()}>
            <Plus size={14} aria-hidden /> Connect
          </Link>
        </div>
      </header>
      <Stats plugin={plugin} />
    </section>
  );
}
