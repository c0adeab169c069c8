'use client';
import type { OwnSession } from '@opssight/client';
import { useState } from 'react';
import { asProblem } from '@/lib/api';
import { Badge } from '@/ui/badge';
import { Button } from '@/ui/button';
import { Labelled } from '@/ui/labelled';
import { PageHeader, Section } from '@/ui/page';
import { Loaded, SkeletonRows } from '@/ui/states';
import { Ago } from '@/ui/time';
import { useToasts } from '@/ui/toast';
import { Refused } from './alone';
import { useChangePassword, useEndSession, useMe, useSessions } from './queries';

export function AccountPage() {
  const me = useMe();
  const note = me.data && (me.data.person ? `${me.data.name}, ${me.data.role}` : 'Signed in with the admin secret, and nobody in particular');
  return (
    <>
      <PageHeader title="Your account" note={note} />
      <div className="grid items-start gap-4 lg:grid-cols-[3fr_2fr]">
        <Sessions />
        {me.data?.person && <Password email={me.data.name} />}
      </div>
    </>
  );
}

function Sessions() {
  const query = useSessions();
  return (
    <Section title="Where you are signed in" flush>
      <Loaded query={query} skeleton={<SkeletonRows rows={2} />}>
        {({ items }) => (
          <ul className="divide-y divide-line">
            {items.map((session) => (
              <Row key={session.id} of={session} />
            ))}
          </ul>
        )}
      </Loaded>
    </Section>
  );
}

function Row({ of: session }: { of: OwnSession }) {
  const end = useEndSession();
  return (
    <li className="flex flex-wrap items-center gap-x-4 gap-y-1 px-4 py-2.5">
      <div className="min-w-0 grow">
        <p className="truncate text-sm font-medium">{session.label}</p>
        <p className="text-xs text-muted">
          Since <Ago time={session.created_at} /> · ends <Ago time={session.expires_at} />
        </p>
      </div>
      {session.current ? (
        <Badge tone="good">This one</Badge>
      ) : (
        <Button small look="quiet" busy={end.isPending} aria-label={`End ${session.label}`} onClick={() => end.mutate(session.id)}>
          End
        </Button>
      )}
    </li>
  );
}

function Password({ email }: { email: string }) {
  const [current, setCurrent] = useState('');
  const [next, setNext] = useState('');
  const change = useChangePassword();
  const toasts = useToasts();
  const problem = change.error ? asProblem(change.error) : undefined;
  const of = (at: string) => problem?.fields.find((field) => field.at === at)?.problem;
  return (
    <Section title="Password">
      <form
        className="space-y-3"
        onSubmit={(event) => {
          event.preventDefault();
          change.mutate(
            { current, new: next },
            {
              onSuccess: () => {
                setCurrent('');
                setNext('');
                toasts.good('That is your password now', 'Your other sessions have ended.');
              },
            },
          );
        }}
      >
        <input type="email" autoComplete="username" value={email} readOnly hidden />
        <Labelled title="Password until now" problem={of('/current')}>
          {(ids) => (
            <input {...ids} type="password" required autoComplete="current-password" className="field w-full font-mono" value={current} onChange={(event) => setCurrent(event.target.value)} />
          )}
        </Labelled>
        <Labelled title="New password" problem={of('/password')} help="At least 12 characters that nobody would guess. Your other sessions end.">
          {(ids) => (
            <input {...ids} type="password" required minLength={12} autoComplete="new-password" className="field w-full font-mono" value={next} onChange={(event) => setNext(event.target.value)} />
          )}
        </Labelled>
        <Refused>{problem && !of('/current') && !of('/password') && problem.detail}</Refused>
        <Button type="submit" look="primary" busy={change.isPending} disabled={!current || !next}>
          Change it
        </Button>
      </form>
    </Section>
  );
}
