'use client';
import { useSearchParams } from 'next/navigation';
import { useId, useState } from 'react';
import { asProblem } from '@/lib/api';
import { Button } from '@/ui/button';
import { Segmented } from '@/ui/controls';
import { Alone, Refused } from './alone';
import { rememberWay, rememberedWay, type Way } from './way';
import { safeNext } from './next';
import { useSignIn } from './queries';

export function LoginPage() {
  const [way, setWay] = useState<Way>(rememberedWay);
  const foot = way === 'secret' ? 'The server printed it once, at its first start.' : 'Forgotten? Nobody can look it up: an admin removes the account, and invites you again.';
  return (
    <Alone title="Sign in to OpsSight" note={way === 'secret' ? 'With the admin secret of this server' : 'With your account'} foot={<p className="mt-4 text-center text-xs text-faint">{foot}</p>}>
      <div className="mb-3 flex justify-center">
        <Segmented
          label="How to sign in"
          value={way}
          onChange={setWay}
          options={[
            { value: 'account', text: 'Account' },
            { value: 'secret', text: 'Admin secret' },
          ]}
        />
      </div>
      <Form key={way} way={way} />
    </Alone>
  );
}

function Form({ way }: { way: Way }) {
  const [email, setEmail] = useState('');
  const [secret, setSecret] = useState('');
  const next = safeNext(useSearchParams().get('next'));
  const signIn = useSignIn();
  const id = useId();
  const isReady = way === 'secret' ? secret.trim() !== '' : email.trim() !== '' && secret !== '';
  return (
    <form
      className="card space-y-3 p-5"
      onSubmit={(event) => {
        event.preventDefault();
        const entered = way === 'secret' ? { secret: secret.trim() } : { email: email.trim(), password: secret };
        signIn.mutate(entered, {
          onSuccess: () => {
            rememberWay(way);
            // A full load, so that the page starts with the new session and a live stream of its own.
            window.location.replace(next);
          },
        });
      }}
    >
      {way === 'account' && (
        <div>
          <label htmlFor={`${id}-email`} className="text-sm font-medium">
            Email
          </label>
          <input
            id={`${id}-email`}
            type="email"
            autoComplete="username"
            autoFocus
            required
            className="field mt-1 h-9! w-full"
            value={email}
            onChange={(event) => setEmail(event.target.value)}
          />
        </div>
      )}
      <div>
        <label htmlFor={id} className="text-sm font-medium">
          {way === 'secret' ? 'Secret' : 'Password'}
        </label>
        <input
          id={id}
          type="password"
          autoComplete="current-password"
          autoFocus={way === 'secret'}
          required
          aria-invalid={signIn.isError || undefined}
          className="field mt-1 h-9! w-full font-mono"
          value={secret}
          onChange={(event) => setSecret(event.target.value)}
        />
      </div>
      <Refused>{signIn.error && refusal(signIn.error, way)}</Refused>
      <Button type="submit" look="primary" className="h-9! w-full" busy={signIn.isPending || signIn.isSuccess} disabled={!isReady}>
        Sign in
      </Button>
    </form>
  );
}

function refusal(error: unknown, way: Way): string {
  const problem = asProblem(error);
  if (problem.status === 401) return way === 'secret' ? 'That is not the secret of this server.' : 'The address or the password is wrong.';
  if (problem.status === 429) return 'That was tried too often. Wait a little, and try again.';
  return problem.detail;
}
