'use client';
import { useRouter } from 'next/navigation';
import { useEffect, useRef } from 'react';
import { PLACES } from './places';
import { meaning } from './shortcuts';

/** The keys that work on every page. */
export function useKeys(open: { openPalette: () => void; openHelp: () => void }) {
  const router = useRouter();
  const latest = useRef(open);
  useEffect(() => {
    latest.current = open;
  });
  useEffect(() => {
    let pressedG: number | undefined;
    const onKey = (event: KeyboardEvent) => {
      if (event.defaultPrevented || event.isComposing) return;
      const target = event.target instanceof HTMLElement ? event.target : undefined;
      const typing = Boolean(target?.closest('input, textarea, select, [contenteditable]'));
      const command = meaning(event, typing, pressedG === undefined ? undefined : event.timeStamp - pressedG);
      pressedG = undefined;
      if (!command) return;
      const modal = document.querySelector<HTMLElement>('dialog[open]');
      // A dialog owns the keyboard, but for moving in its own list.
      if (modal && command.do !== 'step') return;
      if (command.do === 'wait') {
        pressedG = event.timeStamp;
        return;
      }
      event.preventDefault();
      if (command.do === 'palette') latest.current.openPalette();
      else if (command.do === 'help') latest.current.openHelp();
      else if (command.do === 'search') focusSearch();
      else if (command.do === 'step') step(modal ?? document, command.by);
      else {
        const place = PLACES.find(({ key }) => key === command.key);
        if (place) router.push(place.href);
      }
    };
    window.addEventListener('keydown', onKey);
    // The page is there before its script is; whoever drives it by keyboard can see when the keys work.
    document.documentElement.dataset['keys'] = 'ready';
    return () => window.removeEventListener('keydown', onKey);
  }, [router]);
}

function focusSearch(): void {
  const field = document.querySelector<HTMLInputElement>('main [data-search]');
  field?.focus();
  field?.select();
}

/** Moves the focus between the rows (`data-row`) of the list on the page. */
function step(root: ParentNode, by: 1 | -1): void {
  const rows = [...root.querySelectorAll<HTMLElement>('[data-row]')].filter((row) => row.offsetParent !== null);
  const at = rows.findIndex((row) => row === document.activeElement || row.contains(document.activeElement));
  const next = at < 0 ? (by > 0 ? 0 : rows.length - 1) : Math.min(rows.length - 1, Math.max(0, at + by));
  rows[next]?.focus();
  rows[next]?.scrollIntoView({ block: 'nearest' });
}
