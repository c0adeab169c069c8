'use client';
import { useSyncExternalStore } from 'react';
import { usePathname } from 'next/navigation';

/**
 * The id in the address of a dynamic page, or '' while it is not known.
 *
 * The export has one shell per dynamic route, `/pipelines/_/`, which the server gives for every id. `useParams`
 * therefore says `_`, and only the address knows the id. The first render must equal the shell's HTML, so it gets ''.
 */
export function usePathId(): string {
  const pathname = usePathname();
  const hydrated = useSyncExternalStore(subscribe, yes, no);
  return hydrated ? idOf(pathname) : '';
}

/** "/pipelines/run%2F7/" -> "run/7"; '' for the shell itself. */
export function idOf(pathname: string): string {
  const part = pathname.split('/').filter(Boolean)[1] ?? '';
  if (part === '_') return '';
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

const subscribe = () => () => undefined;
const yes = () => true;
const no = () => false;

export const runHref = (id: string) => `/pipelines/${encodeURIComponent(id)}/`;
export const connectionHref = (id: string) => `/connections/${encodeURIComponent(id)}/`;
export const pluginHref = (id: string) => `/plugins/${encodeURIComponent(id)}/`;
