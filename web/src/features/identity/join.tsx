'use client';
import { Mail } from 'lucide-react';
import { useEffect, useState } from 'react';
import { asProblem } from '@/lib/api';
import { Button } from '@/ui/button';
import { Labelled } from '@/ui/labelled';
import { Empty, ErrorState, SkeletonRows } from '@/ui/states';
import { Alone, Refused } from './alone';
import { useInvitation, useJoin } from './queries';
import { nameOf } from './roles';
import { rememberWay } from './way';

/** Where the link of an invitation leads. What proves it stands behind the `#`, which browsers send to nobody. */
export function JoinPage() {
  const [token, setToken] = useState<string>();
  useEffect(() => {
    const take = () => {
      const hash = window.location.hash.slice(1);
      setToken((known) => hash || (known ?? ''));
      // It is of use once, and stays in no history.
      if (hash) window.history.replaceState(null, '', window.location.pathname);
    };
    take();
    // Another link in the same tab.
    window.addEventListener('hashchange', take);
    return () => window.removeEventListener('hashchange', take);
  }, []);
  const invitation = useInvitation(token);
  if (token === '') {
    return (
      <Alone title="Join OpsSight">
        <div className="card">
          <Empty icon={<Mail size={20} aria-hidden />} title="Open the link again">
            What proves that you are invited is kept in no history: it is in the link that you were sent.
          </Empty>
        </div>
      </Alone>
    );
  }
  if (token === undefined || invitation.isPending) {
    return (
      <Alone title="Join OpsSight">
        <div className="card">
          <SkeletonRows rows={3} />
        </div>
      </Alone>
    );
  }
  if (invitation.error) {
    return (
      <Alone title="Join OpsSight">
        <div className="card">
          <ErrorState error={invitation.error} />
        </div>
      </Alone>
    );
  }
  return (
    <Alone title="Join OpsSight" note={`${invitation.data.created_by} invited ${invitation.data.email}, as ${nameOf(invitation.data.role).toLowerCase()}`}>
      <Form key={token} token={token} email={invitation.data.email} />
    </Alone>
  );
}

function Form({ token, email }: { token: string; email: string }) {
  const [name, setName] = useState('');
  const [password, setPassword] = useState('');
  const join = useJoin();
  const problem = join.error ? asProblem(join.error) : undefined;
  const of = (at: string) => problem?.fields.find((field) => field.at === at)?.problem;
  const isNamed = problem?.fields.some((field) => ['/name', '/password'].includes(field.at));
  return (
    <form
      className="card space-y-3 p-5"
      onSubmit={(event) => {
        event.preventDefault();
        join.mutate(
          { token, name: name.trim(), password },
          {
            onSuccess: () => {
              rememberWay('account');
              window.location.replace('/');
            },
          },
        );
      }}
    >
      {/* For the browser's own store of passwords. */}
      <input type="email" autoComplete="username" value={email} readOnly hidden />
      <Labelled title="Your name" problem={of('/name')}>
        {(ids) => (
          <input {...ids} autoFocus required maxLength={100} autoComplete="name" className="field h-9! w-full" value={name} onChange={(event) => setName(event.target.value)} />
        )}
      </Labelled>
      <Labelled title="Password" problem={of('/password')} help="At least 12 characters that nobody would guess. Spaces are fine.">
        {(ids) => (
          <input
            {...ids}
            type="password"
            required
            minLength={12}
            autoComplete="new-password"
            className="field h-9! w-full font-mono"
            value={password}
            onChange={(event) => setPassword(event.target.value)}
          />
        )}
      </Labelled>
      <Refused>{problem && !isNamed && problem.detail}</Refused>
      <Button type="submit" look="primary" className="h-9! w-full" busy={join.isPending || join.isSuccess} disabled={!name.trim() || !password}>
        Join
      </Button>
    </form>
  );
}
