'use client';
import { useSearchParams } from 'next/navigation';
import { useId, useState } from 'react';
import { asProblem } from '@/lib/api';
import { Logo } from '@/shell/logo';
import { Button } from '@/ui/button';
import { useSignIn } from './queries';
import { safeNext } from './next';

export function LoginPage() {
  const [secret, setSecret] = useState('');
  const next = safeNext(useSearchParams().get('next'));
  const signIn = useSignIn();
  const field = useId();
  return (
    <main className="flex min-h-dvh items-center justify-center p-4">
      <div className="w-full max-w-[360px]">
        <div className="mb-6 flex flex-col items-center gap-3 text-center">
          <Logo size={44} />
          <div>
            <h1 className="text-lg font-semibold tracking-tight">Sign in to OpsSight</h1>
            <p className="text-sm text-muted">With the admin secret of this server</p>
          </div>
        </div>
        <form
          className="card space-y-3 p-5"
          onSubmit={(event) => {
            event.preventDefault();
            // A full load, so that the page starts with the new session and a live stream of its own.
            signIn.mutate(secret.trim(), { onSuccess: () => window.location.replace(next) });
          }}
        >
          <div>
            <label htmlFor={field} className="text-sm font-medium">
              Secret
            </label>
            <input
              id={field}
              type="password"
              autoComplete="current-password"
              autoFocus
              required
              aria-invalid={signIn.isError || undefined}
              aria-describedby={`${field}-hint`}
              className="field mt-1 h-9! w-full font-mono"
              value={secret}
              onChange={(event) => setSecret(event.target.value)}
            />
          </div>
          <div aria-live="polite">
            {signIn.error && (
              <p role="alert" className="text-sm text-bad">
                {refusal(signIn.error)}
              </p>
            )}
          </div>
          <Button type="submit" look="primary" className="h-9! w-full" busy={signIn.isPending || signIn.isSuccess} disabled={!secret.trim()}>
            Sign in
          </Button>
        </form>
        <p id={`${field}-hint`} className="mt-4 text-center text-xs text-faint">
          The server printed it once, at its first start.
        </p>
      </div>
    </main>
  );
}

function refusal(error: unknown): string {
  const problem = asProblem(error);
  if (problem.status === 401) return 'That is not the secret of this server.';
  return problem.detail;
}
