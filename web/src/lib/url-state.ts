'use client';
import { useCallback, useMemo } from 'react';
import { useSearchParams } from 'next/navigation';

/**
 * The page's state in its address. Reading subscribes to it; writing keeps the other parameters, drops empty ones,
 * and replaces the history entry (typing in a filter should not fill the back button) unless told to push.
 */
export function useUrlState() {
  const params = useSearchParams();
  const get = useCallback((name: string) => params.get(name) ?? '', [params]);
  const set = useCallback((changes: Record<string, string | undefined>, how: 'replace' | 'push' = 'replace') => {
    const url = withParams(window.location.pathname, window.location.search, changes);
    if (how === 'push') window.history.pushState(null, '', url);
    else window.history.replaceState(null, '', url);
  }, []);
  return useMemo(() => ({ get, set }), [get, set]);
}

/** The address with some parameters changed. */
export function withParams(path: string, search: string, changes: Record<string, string | undefined>): string {
  const next = new URLSearchParams(search);
  for (const [name, value] of Object.entries(changes)) {
    if (value) next.set(name, value);
    else next.delete(name);
  }
  const query = next.toString();
  return query ? `${path}?${query}` : path;
}
