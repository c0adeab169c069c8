'use client';
import type { DeliveryDetail } from '@opssight/client';
import { RotateCcw } from 'lucide-react';
import { bytes, moment } from '@/lib/format';
import { asProblem } from '@/lib/api';
import { Badge } from '@/ui/badge';
import { Button } from '@/ui/button';
import { CopyButton } from '@/ui/copy';
import { Dialog } from '@/ui/dialog';
import { Fact } from '@/ui/page';
import { Loaded, SkeletonRows } from '@/ui/states';
import { StatusBadge } from '@/ui/status';
import { Ago } from '@/ui/time';
import { FAULTS } from './check-result';
import { canReplay, deliveryStatus, readable } from './delivery-status';
import { useDelivery, useReplay } from './queries';

/** One delivery: what came, what became of it, and again if wanted. */
export function DeliveryDrawer({ id, onClose }: { id: string; onClose: () => void }) {
  const query = useDelivery(id);
  return (
    <Dialog title="Delivery" side="right" onClose={onClose}>
      <Loaded query={query} skeleton={<SkeletonRows rows={4} />}>
        {(detail) => <Detail detail={detail} />}
      </Loaded>
    </Dialog>
  );
}

type Carried = Pick<DeliveryDetail, 'delivery' | 'body'> & { headers: readonly (readonly string[])[] };

function Detail({ detail: { delivery, headers, body } }: { detail: Carried }) {
  const replay = useReplay();
  return (
    <div className="space-y-5 p-4">
      <div className="flex flex-wrap items-center gap-2">
        <StatusBadge status={deliveryStatus(delivery.state)} />
        <span className="font-mono text-sm">{delivery.event ?? 'delivery'}</span>
        {canReplay(delivery.state) && (
          <Button small className="ml-auto" icon={<RotateCcw size={13} aria-hidden />} busy={replay.isPending} onClick={() => replay.mutate(delivery.id)}>
            Replay
          </Button>
        )}
      </div>
      {replay.isSuccess && <p role="status" className="text-sm text-muted">It is processed again; its state above follows.</p>}
      {replay.error && <p role="alert" className="text-sm text-bad">{asProblem(replay.error).detail}</p>}
      {delivery.error && (
        <section aria-label="What went wrong" className="rounded-lg border border-l-[3px] border-line border-l-bad px-3 py-2">
          <p className="text-sm break-words first-letter:uppercase">{delivery.error.message}</p>
          <p className="mt-1 flex flex-wrap items-center gap-2 text-xs text-muted">
            <Badge tone="bad">{delivery.error.code}</Badge>
            because of {FAULTS[delivery.error.fault] ?? delivery.error.fault}
          </p>
        </section>
      )}
      {delivery.note && <p className="text-sm text-muted first-letter:uppercase">{delivery.note}</p>}
      <dl className="grid grid-cols-2 gap-x-6 gap-y-3">
        <Fact name="Received">
          <span title={moment(delivery.received_at)}>
            <Ago time={delivery.received_at} />
          </span>
        </Fact>
        <Fact name="Done with">{delivery.finished_at ? <Ago time={delivery.finished_at} /> : 'not yet'}</Fact>
        <Fact name="Attempts">
          {delivery.attempts}
          {delivery.next_attempt_at && (
            <span className="text-muted">
              , next <Ago time={delivery.next_attempt_at} />
            </span>
          )}
        </Fact>
        <Fact name="Items">{delivery.items}</Fact>
        <Fact name="Size">{bytes(delivery.size)}</Fact>
        <Fact name="Upstream’s id">
          <span className="flex items-center gap-1">
            <code className="truncate text-xs" title={delivery.delivery_id}>
              {delivery.delivery_id}
            </code>
            <CopyButton value={delivery.delivery_id} label="Copy the upstream’s id" />
          </span>
        </Fact>
      </dl>
      {headers.length > 0 && (
        <section>
          <h3 className="mb-1.5 text-xs font-medium text-faint">Headers that were kept</h3>
          <dl className="space-y-1 rounded-lg border border-line bg-sunken p-3 font-mono text-xs">
            {headers.map(([name, value], index) => (
              <div key={`${name} ${index}`} className="flex flex-wrap gap-x-2">
                <dt className="text-muted">{name}:</dt>
                <dd className="min-w-0 break-all">{value}</dd>
              </div>
            ))}
          </dl>
        </section>
      )}
      <Body body={body} />
    </div>
  );
}

/** A page of text is enough to see what is wrong; half a megabyte of it would freeze a phone. */
const SHOWN = 200_000;

function Body({ body }: { body: string | null | undefined }) {
  if (!body) return <p className="text-sm text-muted">The body was not kept, or is not text.</p>;
  const text = readable(body);
  return (
    <section>
      <h3 className="mb-1.5 flex items-center justify-between text-xs font-medium text-faint">
        Body <CopyButton value={body} label="Copy the body" text="Copy" />
      </h3>
      <pre tabIndex={0} aria-label="Body" className="max-h-[60dvh] overflow-auto rounded-lg border border-line bg-sunken p-3 text-xs leading-5">
        {text.slice(0, SHOWN)}
        {text.length > SHOWN && `\n… ${bytes(text.length - SHOWN)} more`}
      </pre>
    </section>
  );
}
