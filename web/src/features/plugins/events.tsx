'use client';
import { ScrollText } from 'lucide-react';
import { More } from '@/ui/more';
import { Section } from '@/ui/page';
import { Empty, Loaded, SkeletonRows } from '@/ui/states';
import { Ago } from '@/ui/time';
import { usePluginEvents } from './queries';

/** What happened to the plugin, newest first. */
export function Events({ id }: { id: string }) {
  const query = usePluginEvents(id);
  return (
    <Section title="What happened" flush>
      <Loaded query={query} skeleton={<SkeletonRows rows={4} />}>
        {({ pages }) => {
          const events = pages.flatMap(({ items }) => items);
          if (events.length === 0) {
            return (
              <Empty icon={<ScrollText size={20} aria-hidden />} title="Nothing happened yet">
                Installations, updates, rollbacks and refusals are noted here.
              </Empty>
            );
          }
          return (
            <>
              <ul className="divide-y divide-line">
                {events.map((event) => (
                  <li key={event.seq} className="flex flex-wrap items-baseline gap-x-4 gap-y-0.5 px-4 py-2 text-sm">
                    <span className="w-32 shrink-0 font-medium">{event.what.replaceAll('-', ' ')}</span>
                    <span className="min-w-0 grow basis-64 break-words text-muted first-letter:uppercase">{event.detail}</span>
                    <span className="text-xs text-faint">
                      {event.actor}, <Ago time={event.at} />
                    </span>
                  </li>
                ))}
              </ul>
              <More query={query} shown={events.length} />
            </>
          );
        }}
      </Loaded>
    </Section>
  );
}
