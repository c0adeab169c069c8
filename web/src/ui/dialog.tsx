'use client';
import clsx from 'clsx';
import { X } from 'lucide-react';
import { useEffect, useId, useRef, type ReactNode } from 'react';
import { IconButton } from './button';

/**
 * A modal on the browser's own `<dialog>`: focus trap, Escape, inert background and the way back to the button that
 * opened it come with it. Rendered only while open, so that its content starts fresh.
 */
export function Dialog({
  title,
  onClose,
  children,
  side,
  wide = false,
  bare = false,
}: {
  title: string;
  onClose: () => void;
  children: ReactNode;
  /** A drawer at that edge. */
  side?: 'left' | 'right';
  wide?: boolean;
  /** No header: the content brings its own. */
  bare?: boolean;
}) {
  const ref = useRef<HTMLDialogElement>(null);
  const close = useRef(onClose);
  const heading = useId();
  useEffect(() => {
    close.current = onClose;
  });
  useEffect(() => {
    const dialog = ref.current;
    if (!dialog) return;
    const opener = document.activeElement;
    if (!dialog.open) dialog.showModal();
    document.documentElement.style.overflow = 'hidden';
    return () => {
      dialog.close();
      if (!document.querySelector('dialog[open]')) document.documentElement.style.overflow = '';
      if (opener instanceof HTMLElement && opener.isConnected) opener.focus({ preventScroll: true });
    };
  }, []);
  return (
    <dialog
      ref={ref}
      aria-labelledby={bare ? undefined : heading}
      aria-label={bare ? title : undefined}
      onCancel={(event) => {
        event.preventDefault();
        close.current();
      }}
      onMouseDown={(event) => {
        if (event.target === ref.current) close.current();
      }}
      className={clsx(
        'fixed border border-line bg-raised p-0 text-text shadow-lifted outline-none',
        side && 'top-0 bottom-0 m-0 h-dvh max-h-none w-full rounded-none border-y-0',
        side === 'right' && 'drawer right-0 left-auto max-w-[640px] border-r-0 sm:rounded-l-xl',
        side === 'left' && 'right-auto left-0 max-w-[260px] border-l-0',
        !side && 'inset-x-0 top-[12vh] mx-auto mt-0 mb-auto max-h-[80dvh] w-[calc(100%-2rem)] rounded-xl',
        !side && (wide ? 'max-w-2xl' : 'max-w-md'),
      )}
    >
      <div className={clsx('flex flex-col', side ? 'h-full' : 'max-h-[80dvh]')}>
        {!bare && (
          <header className="flex shrink-0 items-center justify-between gap-4 border-b border-line py-2 pr-2 pl-4">
            <h2 id={heading} className="min-w-0 truncate font-semibold">
              {title}
            </h2>
            <IconButton label="Close" onClick={onClose}>
              <X size={16} aria-hidden />
            </IconButton>
          </header>
        )}
        <div className="min-h-0 grow overflow-y-auto">{children}</div>
      </div>
    </dialog>
  );
}
