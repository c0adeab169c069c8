'use client';
import type { Feed, FeedStatus } from '@opssight/client';
import { CircleAlert, CircleCheck, CircleDashed } from 'lucide-react';
import { count, period } from '@/lib/format';
import { Section } from '@/ui/page';
import { Ago } from '@/ui/time';

/** What is pulled, how often, and how it went. */
export function Feeds({ feeds, known }: { feeds: FeedStatus[]; known: Feed[] }) {
  return (
    <Section title="Feeds" note="what is asked for, beside what is delivered" flush>
      <ul className="divide-y divide-line">
        {feeds.map((feed) => {
          const form = known.find(({ name }) => name === feed.name);
          return (
            <li key={feed.name} className="flex flex-wrap items-center gap-x-6 gap-y-1 px-4 py-2.5">
              <div className="flex min-w-0 grow basis-56 items-start gap-2.5">
                {feed.error ? (
                  <CircleAlert size={16} className="mt-0.5 shrink-0 text-bad" aria-label="Failing" />
                ) : feed.last_success_at ? (
                  <CircleCheck size={16} className="mt-0.5 shrink-0 text-good" aria-label="Working" />
                ) : (
                  <CircleDashed size={16} className="mt-0.5 shrink-0 text-faint" aria-label="Not run yet" />
                )}
                <div className="min-w-0">
                  <p className="text-sm font-medium">{form?.title ?? feed.name}</p>
                  {feed.error ? (
                    <p title={feed.error} className="line-clamp-2 text-xs break-words text-bad first-letter:uppercase">
                      {feed.error}
                    </p>
                  ) : (
                    form && <p className="text-xs text-muted">Every {period(form.every_secs * 1_000)}, {form.priority}</p>
                  )}
                </div>
              </div>
              <dl className="flex gap-6 text-xs text-muted">
                <div className="w-24">
                  <dt className="text-faint">Last success</dt>
                  <dd>{feed.last_success_at ? <Ago time={feed.last_success_at} /> : 'none yet'}</dd>
                </div>
                <div className="w-14">
                  <dt className="text-faint">Due</dt>
                  <dd>{feed.next_at ? <Ago time={feed.next_at} /> : '–'}</dd>
                </div>
                <div className="w-14 text-right">
                  <dt className="text-faint">Items</dt>
                  <dd className="tabular-nums">{count(feed.items)}</dd>
                </div>
              </dl>
            </li>
          );
        })}
      </ul>
    </Section>
  );
}
