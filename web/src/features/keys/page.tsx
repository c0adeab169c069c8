'use client';
import type { ApiKey } from '@opssight/client';
import { KeyRound, Plus } from 'lucide-react';
import { useState } from 'react';
import { nameOf } from '@/features/identity/roles';
import { asProblem } from '@/lib/api';
import { useNow } from '@/lib/now';
import { Badge } from '@/ui/badge';
import { Button } from '@/ui/button';
import { Confirm } from '@/ui/confirm';
import { PageHeader } from '@/ui/page';
import { Empty, Loaded, SkeletonRows } from '@/ui/states';
import { Ago } from '@/ui/time';
import { useToasts } from '@/ui/toast';
import { MakeKey } from './make';
import { useKeys, useRevokeKey } from './queries';

export function KeysPage() {
  const query = useKeys();
  const [making, setMaking] = useState(false);
  const [revoking, setRevoking] = useState<ApiKey>();
  const make = (
    <Button look="primary" icon={<Plus size={14} aria-hidden />} onClick={() => setMaking(true)}>
      Make a key
    </Button>
  );
  return (
    <>
      <PageHeader title="Keys" note="What programs ask this server with: each has a role and an end" actions={make} />
      <section className="card overflow-hidden" aria-label="Keys">
        <Loaded query={query} skeleton={<SkeletonRows rows={3} />}>
          {({ items }) =>
            items.length === 0 ? (
              <Empty icon={<KeyRound size={20} aria-hidden />} title="No program has a key yet" action={make}>
                A pipeline, a dashboard or a script asks with a key of its own, which is revoked without disturbing the others.
              </Empty>
            ) : (
              <ul className="divide-y divide-line">
                {items.map((key) => (
                  <Row key={key.id} of={key} onRevoke={() => setRevoking(key)} />
                ))}
              </ul>
            )
          }
        </Loaded>
      </section>
      {making && <MakeKey onClose={() => setMaking(false)} />}
      {revoking && <Revoke of={revoking} onClose={() => setRevoking(undefined)} />}
    </>
  );
}

function Row({ of: key, onRevoke }: { of: ApiKey; onRevoke: () => void }) {
  const hasEnded = Date.parse(key.expires_at) <= useNow('minute');
  return (
    <li className="flex flex-wrap items-center gap-x-6 gap-y-1.5 px-4 py-3">
      <div className="min-w-0 grow basis-52">
        <p className="truncate text-sm font-medium">{key.name}</p>
        <p className="truncate text-xs text-muted">
          Made by {key.created_by} <Ago time={key.created_at} />
        </p>
      </div>
      <Badge tone={key.role === 'admin' ? 'accent' : 'idle'}>{nameOf(key.role)}</Badge>
      {hasEnded && <Badge tone="bad">Ended</Badge>}
      <p className="text-xs text-muted sm:w-56 sm:text-right">
        {key.last_used_at ? (
          <>
            Used <Ago time={key.last_used_at} />
          </>
        ) : (
          'Never used'
        )}
        {!hasEnded && (
          <>
            {' · ends '}
            <Ago time={key.expires_at} />
          </>
        )}
      </p>
      <Button small look="quiet" aria-label={`Revoke ${key.name}`} onClick={onRevoke}>
        Revoke
      </Button>
    </li>
  );
}

function Revoke({ of: key, onClose }: { of: ApiKey; onClose: () => void }) {
  const revoke = useRevokeKey();
  const toasts = useToasts();
  return (
    <Confirm
      title={`Revoke ${key.name}`}
      action="Revoke"
      danger="caution"
      busy={revoke.isPending}
      error={revoke.error ? asProblem(revoke.error).detail : undefined}
      onClose={onClose}
      onConfirm={() =>
        revoke.mutate(key.id, {
          onSuccess: () => {
            toasts.good(`${key.name} is revoked`);
            onClose();
          },
        })
      }
    >
      <p>Whoever uses it is refused from the next request on. This cannot be undone; another key can be made.</p>
    </Confirm>
  );
}
