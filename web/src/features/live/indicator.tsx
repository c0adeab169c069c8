'use client';
import clsx from 'clsx';
import { useLiveState } from './provider';

const WORDS = {
  live: ['Live', 'Updates arrive as they happen'],
  connecting: ['Connecting', 'Opening the live stream'],
  waiting: ['Reconnecting', 'The live stream broke off; trying again'],
  'signed-out': ['Signed out', 'Sign in again to see updates'],
} as const;

/** Whether what is on the page moves by itself. */
export function LiveIndicator() {
  const state = useLiveState();
  const [word, title] = WORDS[state];
  return (
    <span role="status" title={title} data-live={state} className="inline-flex items-center gap-1.5 px-1 text-xs text-muted">
      <span
        aria-hidden
        className={clsx('size-2 rounded-full', state === 'live' ? 'bg-good' : 'pulse bg-wait')}
      />
      <span className="max-sm:sr-only">{word}</span>
    </span>
  );
}
