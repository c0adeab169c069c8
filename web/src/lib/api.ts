import { makeClient, ProblemError } from '@opssight/client';
import { MutationCache, QueryCache, QueryClient } from '@tanstack/react-query';

/** The page's own server; the session is its HttpOnly cookie. */
export const api = makeClient({ onUnauthenticated: goToSignIn });

/** Sends the reader to the sign-in page and back afterwards. */
function goToSignIn() {
  if (typeof window === 'undefined' || /^\/(login|join)\b/.test(window.location.pathname)) return;
  const here = window.location.pathname + window.location.search;
  window.location.replace(here === '/' ? '/login/' : `/login/?next=${encodeURIComponent(here)}`);
}

/** Worth asking again? A refusal is not; a server that is away or busy is. */
export function shouldRetry(failures: number, error: unknown): boolean {
  if (failures >= 2) return false;
  return error instanceof ProblemError && (error.status === 0 || error.status === 429 || error.status >= 502);
}

/** What to tell people about an error. */
export function asProblem(error: unknown): ProblemError {
  if (error instanceof ProblemError) return error;
  return new ProblemError({
    status: 0,
    title: 'Something went wrong in this page',
    detail: error instanceof Error ? error.message : String(error),
  });
}

export function makeQueryClient(onError: (error: ProblemError) => void): QueryClient {
  return new QueryClient({
    queryCache: new QueryCache(),
    mutationCache: new MutationCache({
      // A form shows its own problems (`meta.quiet`); every other failed write is told in a toast.
      onError: (error, _variables, _result, mutation) => {
        if (!mutation.meta?.['quiet']) onError(asProblem(error));
      },
    }),
    defaultOptions: {
      queries: {
        retry: shouldRetry,
        // The live stream says when something changed; a focus is no reason to load everything again.
        staleTime: 60_000,
        refetchOnWindowFocus: false,
      },
    },
  });
}
