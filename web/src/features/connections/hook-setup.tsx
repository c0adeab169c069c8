'use client';
import type { Connection, Plugin } from '@opssight/client';
import { useSyncExternalStore } from 'react';
import { CopyButton } from '@/ui/copy';
import { Markdown } from './markdown-view';

const never = () => () => undefined;

/** The address that the upstream delivers to. */
export function useHookAddress(path: string | null | undefined): string | undefined {
  const origin = useSyncExternalStore(never, () => window.location.origin, () => '');
  if (!path) return undefined;
  return /^https?:/.test(path) ? path : origin + path;
}

/** Something to copy exactly. */
export function CopyField({ label, value, secret = false }: { label: string; value: string; secret?: boolean }) {
  return (
    <div>
      <p className="text-xs font-medium text-muted">{label}</p>
      <div className="mt-1 flex items-center gap-1 rounded-[7px] border border-line-strong bg-sunken py-1 pr-1 pl-2.5">
        <code data-copy={label} className={`min-w-0 grow overflow-x-auto text-xs whitespace-nowrap ${secret ? 'font-semibold' : ''}`} tabIndex={0}>
          {value}
        </code>
        <CopyButton value={value} label={`Copy ${label.toLowerCase()}`} />
      </div>
    </div>
  );
}

/** Where the upstream has to deliver to, and how to tell it. */
export function HookSetup({ connection, plugin }: { connection: Connection; plugin: Plugin | undefined }) {
  const address = useHookAddress(connection.hook_path);
  if (!address) return null;
  return (
    <div className="space-y-4">
      <CopyField label="Hook address" value={address} />
      {connection.webhook_secret && (
        <div>
          <CopyField label="Webhook secret" value={connection.webhook_secret} secret />
          <p className="mt-1 text-xs text-wait">It is shown this once. Paste it upstream now; later it can only be replaced.</p>
        </div>
      )}
      {plugin?.webhook?.setup && <Markdown source={plugin.webhook.setup} />}
    </div>
  );
}
