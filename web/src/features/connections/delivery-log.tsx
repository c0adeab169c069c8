'use client';
import type { Delivery } from '@opssight/client';
import clsx from 'clsx';
import { Inbox } from 'lucide-react';
import { bytes, plural } from '@/lib/format';
import { useUrlState } from '@/lib/url-state';
import { FilterSelect, FilterText } from '@/ui/controls';
import { More } from '@/ui/more';
import { Section } from '@/ui/page';
import { Empty, Loaded } from '@/ui/states';
import { StatusIcon } from '@/ui/status';
import { Ago } from '@/ui/time';
import { DeliveryDrawer } from './delivery-drawer';
import { DELIVERY_STATES, deliveryStatus, isDeliveryState } from './delivery-status';
import { useDeliveries } from './queries';

/** Everything that was pushed to a connection, and what became of it. */
export function DeliveryLog({ connection }: { connection: string }) {
  const { get, set } = useUrlState();
  const state = get('state');
  const query = useDeliveries({ connection, state: isDeliveryState(state) ? state : undefined, event: get('event') || undefined, limit: 50 });
  const filtered = Boolean(state || get('event'));
  return (
    <Section
      title="Delivery log"
      flush
      actions={
        <div role="search" aria-label="Filter deliveries" className="flex flex-wrap gap-2 py-1">
          <FilterText search label="Event" placeholder="Event" value={get('event')} onChange={(event) => set({ event })} className="w-44" />
          <FilterSelect label="State" all="Any state" value={isDeliveryState(state) ? state : ''} onChange={(value) => set({ state: value })} options={DELIVERY_STATES} />
        </div>
      }
    >
      <Loaded query={query}>
        {({ pages }) => {
          const items = pages.flatMap((page) => page.items);
          if (items.length === 0)
            return (
              <Empty icon={<Inbox size={20} aria-hidden />} title={filtered ? 'No delivery matches' : 'Nothing was delivered yet'}>
                {filtered ? 'Choose another state or event.' : 'Each delivery shows up here the moment it arrives, also when it is refused.'}
              </Empty>
            );
          return (
            <>
              <ul className="divide-y divide-line">
                {items.map((delivery) => (
                  <Row key={delivery.id} delivery={delivery} onOpen={() => set({ delivery: delivery.id }, 'push')} />
                ))}
              </ul>
              <More query={query} shown={items.length} />
            </>
          );
        }}
      </Loaded>
      {get('delivery') && <DeliveryDrawer id={get('delivery')} onClose={() => set({ delivery: '' })} />}
    </Section>
  );
}

function Row({ delivery, onOpen }: { delivery: Delivery; onOpen: () => void }) {
  const status = deliveryStatus(delivery.state);
  const said = delivery.error?.message ?? delivery.note;
  return (
    <li>
      <button
        type="button"
        data-row
        data-delivery={delivery.id}
        onClick={onOpen}
        className="grid w-full grid-cols-[16px_minmax(0,1fr)_auto] items-center gap-x-3 px-4 py-2 text-left hover:bg-hover focus-visible:-outline-offset-2 md:grid-cols-[16px_170px_minmax(0,1fr)_90px_72px]"
      >
        <StatusIcon status={status} />
        <span className="min-w-0">
          <span className="block truncate font-mono text-xs font-medium">{delivery.event ?? 'delivery'}</span>
          <span className={clsx('block truncate text-xs md:hidden', delivery.error ? 'text-bad' : 'text-muted')}>{said ?? status.word}</span>
        </span>
        <span className={clsx('hidden truncate text-xs md:block', delivery.error ? 'text-bad' : 'text-muted')}>
          {said ?? (delivery.state === 'done' ? plural(delivery.items, 'item') : status.word)}
          {delivery.attempts > 1 && <span className="text-faint"> · {delivery.attempts} attempts</span>}
        </span>
        <span className="hidden text-right text-xs text-faint tabular-nums md:block">{bytes(delivery.size)}</span>
        <Ago time={delivery.received_at} className="text-right text-xs text-muted" />
      </button>
    </li>
  );
}
