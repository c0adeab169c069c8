import type { ReactNode } from 'react';
import { Logo } from '@/shell/logo';

/** A page that stands alone: the mark, what it is for, and one card. */
export function Alone({ title, note, children, foot }: { title: string; note?: ReactNode; children: ReactNode; foot?: ReactNode }) {
  return (
    <main className="flex min-h-dvh items-center justify-center p-4">
      <div className="w-full max-w-[360px]">
        <div className="mb-6 flex flex-col items-center gap-3 text-center">
          <Logo size={44} />
          <div>
            <h1 className="text-lg font-semibold tracking-tight">{title}</h1>
            {note && <p className="text-sm text-muted">{note}</p>}
          </div>
        </div>
        {children}
        {foot}
      </div>
    </main>
  );
}

/** What was refused, told to screen readers as well. */
export function Refused({ children }: { children: ReactNode }) {
  return (
    <div aria-live="polite">
      {children && (
        <p role="alert" className="text-sm break-words text-bad first-letter:uppercase">
          {children}
        </p>
      )}
    </div>
  );
}
