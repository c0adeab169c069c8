'use client';
import type { Inspection } from '@opssight/client';
import { KeyRound } from 'lucide-react';
import { bytes } from '@/lib/format';
import { Badge } from '@/ui/badge';
import { CopyButton } from '@/ui/copy';
import { Abilities, Change } from './abilities';

/** Everything about a package that a person wants to know before they agree. */
export function Consent({ inspection }: { inspection: Inspection }) {
  const { update, signer } = inspection;
  return (
    <div className="space-y-4">
      <header>
        <p className="flex flex-wrap items-center gap-2 font-semibold">
          {inspection.name} <span className="text-xs font-normal text-faint">{inspection.version}</span>
          {inspection.kinds.map((kind) => (
            <Badge key={kind} tone="accent">
              {kind}
            </Badge>
          ))}
        </p>
        <p className="text-sm text-muted">{inspection.description}</p>
        <p className="mt-1 flex flex-wrap items-center gap-x-3 text-xs text-faint">
          <span>by {inspection.publisher}</span>
          <span>{inspection.licence}</span>
          <span>{bytes(inspection.size)}</span>
        </p>
      </header>
      <div className="rounded-lg border border-line bg-sunken px-3 py-2 text-xs">
        <p className="flex min-w-0 items-center gap-2">
          <KeyRound size={14} className="shrink-0 text-faint" aria-hidden />
          {signer ? (
            <span className="min-w-0 break-all">
              Signed for {signer.publisher} with <code>{signer.key}</code>
            </span>
          ) : (
            <span>Nobody signed it. This host takes such packages because it was started for development.</span>
          )}
        </p>
        {inspection.new_key && <p className="mt-1 text-wait">This key is new here: compare it with the publisher’s. From now on only it counts.</p>}
        <p className="mt-1 flex min-w-0 items-center gap-1 text-muted">
          <code className="truncate" title={inspection.digest}>
            {inspection.digest}
          </code>
          <CopyButton value={inspection.digest} label="Copy the digest" />
        </p>
      </div>
      {update && (
        <section>
          <h3 className="mb-2 text-sm font-semibold">What changes from {update.from}</h3>
          <Change change={update} />
        </section>
      )}
      {(!update || update.wider) && (
        <section>
          <h3 className="mb-2 text-sm font-semibold">All that it can do</h3>
          <Abilities abilities={inspection.abilities} />
          <p className="mt-2 text-sm text-muted first-letter:uppercase">{inspection.cannot}.</p>
        </section>
      )}
      {inspection.remarks.map((remark) => (
        <p key={remark} className="text-xs text-muted first-letter:uppercase">
          {remark}
        </p>
      ))}
    </div>
  );
}
