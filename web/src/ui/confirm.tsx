'use client';
import { TriangleAlert } from 'lucide-react';
import { useId, useState, type ReactNode } from 'react';
import { Button } from './button';
import { Dialog } from './dialog';

/** "safe" asks nothing, "caution" asks once, "danger" asks for the name to be typed. */
export type Danger = 'safe' | 'caution' | 'danger';

export function Confirm({
  title,
  children,
  action,
  danger,
  typed,
  busy = false,
  error,
  onConfirm,
  onClose,
}: {
  title: string;
  children: ReactNode;
  /** What the button says: "Remove". */
  action: string;
  danger: Danger;
  /** Text to type before a dangerous action; none asks for nothing. */
  typed?: string;
  busy?: boolean;
  error?: ReactNode;
  onConfirm: () => void;
  onClose: () => void;
}) {
  const [text, setText] = useState('');
  const field = useId();
  const open = danger !== 'danger' || !typed || text.trim() === typed;
  return (
    <Dialog title={title} onClose={onClose}>
      <form
        className="space-y-4 p-4"
        onSubmit={(event) => {
          event.preventDefault();
          if (open && !busy) onConfirm();
        }}
      >
        <div className="flex gap-3 text-sm text-muted">
          {danger === 'danger' && <TriangleAlert size={18} className="mt-0.5 shrink-0 text-bad" aria-hidden />}
          <div className="min-w-0 space-y-2">{children}</div>
        </div>
        {danger === 'danger' && typed && (
          <div>
            <label htmlFor={field} className="text-sm text-muted">
              Type <strong className="font-mono text-text">{typed}</strong> to go on
            </label>
            <input
              id={field}
              className="field mt-1 w-full"
              autoComplete="off"
              spellCheck={false}
              value={text}
              onChange={(event) => setText(event.target.value)}
            />
          </div>
        )}
        {error && (
          <p role="alert" className="text-sm break-words text-bad first-letter:uppercase">
            {error}
          </p>
        )}
        <div className="flex justify-end gap-2">
          <Button onClick={onClose}>Keep as it is</Button>
          <Button type="submit" look={danger === 'danger' ? 'danger' : 'primary'} busy={busy} disabled={!open}>
            {action}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
