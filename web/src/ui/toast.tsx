'use client';
import { CircleAlert, CircleCheck, X } from 'lucide-react';
import { createContext, useCallback, useContext, useMemo, useRef, useState, type ReactNode } from 'react';
import { IconButton } from './button';

type Toast = { id: number; kind: 'good' | 'bad'; title: string; detail?: string };
type Toasts = { good: (title: string, detail?: string) => void; bad: (title: string, detail?: string) => void };

const Context = createContext<Toasts>({ good: () => undefined, bad: () => undefined });

export const useToasts = () => useContext(Context);

/** Short messages in the corner. A failure stays until it is closed; a success goes by itself. */
export function ToastProvider({ children }: { children: ReactNode }) {
  const [toasts, setToasts] = useState<Toast[]>([]);
  const next = useRef(1);
  const drop = useCallback((id: number) => setToasts((all) => all.filter((toast) => toast.id !== id)), []);
  const add = useCallback(
    (kind: Toast['kind'], title: string, detail?: string) => {
      const id = next.current++;
      setToasts((all) => [...all.slice(-3), { id, kind, title, detail }]);
      if (kind === 'good') setTimeout(() => drop(id), 5_000);
    },
    [drop],
  );
  const value = useMemo<Toasts>(
    () => ({ good: (title, detail) => add('good', title, detail), bad: (title, detail) => add('bad', title, detail) }),
    [add],
  );
  return (
    <Context value={value}>
      {children}
      <div
        role="region"
        aria-label="Notifications"
        className="pointer-events-none fixed right-4 bottom-4 left-4 z-50 flex flex-col items-end gap-2"
      >
        {toasts.map((toast) => (
          <div
            key={toast.id}
            role={toast.kind === 'bad' ? 'alert' : 'status'}
            className="pointer-events-auto flex w-full max-w-sm items-start gap-2.5 rounded-lg border border-line bg-raised py-2.5 pr-1.5 pl-3 shadow-lifted"
          >
            {toast.kind === 'good' ? (
              <CircleCheck size={16} className="mt-0.5 shrink-0 text-good" aria-hidden />
            ) : (
              <CircleAlert size={16} className="mt-0.5 shrink-0 text-bad" aria-hidden />
            )}
            <div className="min-w-0 grow text-sm">
              <p className="font-medium">{toast.title}</p>
              {toast.detail && <p className="break-words text-muted first-letter:uppercase">{toast.detail}</p>}
            </div>
            <IconButton label="Dismiss" className="size-6" onClick={() => drop(toast.id)}>
              <X size={14} aria-hidden />
            </IconButton>
          </div>
        ))}
      </div>
    </Context>
  );
}
