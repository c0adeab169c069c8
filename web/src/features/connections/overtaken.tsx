import clsx from 'clsx';
import { RotateCw, Users } from 'lucide-react';
import type { ReactNode } from 'react';
import { Button } from '@/ui/button';
import type { Rebased } from './rebase';
import type { Choice } from './wire';

/** Somebody else changed the connection first: nothing was overwritten, and what was chosen is not lost either. */
function Overtaken({ children, className }: { children: ReactNode; className?: string }) {
  return (
    <div role="alert" className={clsx('flex gap-3 rounded-lg border border-l-[3px] border-line border-l-wait px-4 py-3 text-sm', className)}>
      <Users size={16} className="mt-0.5 shrink-0 text-wait" aria-hidden />
      <div className="min-w-0 grow space-y-2">
        <p className="font-medium">Somebody else changed this connection in between</p>
        {children}
      </div>
    </div>
  );
}

/** Switches that were set too late, and the two ways on. */
export function OvertakenChoices({
  choices,
  busy,
  onAgain,
  onLeave,
}: {
  choices: readonly Choice[];
  busy: boolean;
  onAgain: () => void;
  onLeave: () => void;
}) {
  return (
    <Overtaken className="mb-4">
      <p className="text-muted">Nothing was overwritten. What you chose is not in force yet:</p>
      <ul className="space-y-1">
        {choices.map(({ key, says, given }) => (
          <li key={key} className="break-words">
            <strong className="font-medium">{given ? 'Give' : 'Withhold'}:</strong> {says}
          </li>
        ))}
      </ul>
      <div className="flex flex-wrap gap-2 pt-1">
        <Button look="primary" busy={busy} icon={<RotateCw size={14} aria-hidden />} onClick={onAgain}>
          Load what it is now, and do it again
        </Button>
        <Button disabled={busy} onClick={onLeave}>
          Leave it as it is now
        </Button>
      </div>
    </Overtaken>
  );
}

/** A form that was sent too late: it stays as it was typed until its owner asks for what the connection is now. */
export function OvertakenForm({ busy, problem, onLoad }: { busy: boolean; problem?: string; onLoad: () => void }) {
  return (
    <Overtaken>
      <p className="text-muted">
        Nothing was saved or overwritten, and all that you typed is still here. Load what the connection is now: it is filled in around what you changed, and
        you see what is different before you save again.
      </p>
      {problem && <p className="break-words text-bad first-letter:uppercase">{problem}</p>}
      <Button look="primary" busy={busy} icon={<RotateCw size={14} aria-hidden />} onClick={onLoad}>
        Load what it is now, and keep what I changed
      </Button>
    </Overtaken>
  );
}

/** What the form shows after that. */
export function RebasedForm({ theirs, both }: Rebased) {
  return (
    <div role="status" className="space-y-2 rounded-lg border border-line px-4 py-3 text-sm">
      <p className="font-medium">The form holds what the connection is now, and what you changed</p>
      {theirs.length > 0 && <p className="break-words text-muted">Changed by somebody else, and filled in: {theirs.join(', ')}.</p>}
      {both.length > 0 && (
        <div>
          <p className="text-muted">Changed by both of you. The form has yours, which replaces theirs when you save:</p>
          <ul className="mt-1 space-y-1">
            {both.map(({ title, now }) => (
              <li key={title} className="break-words">
                <strong className="font-medium">{title}</strong>, which is {now} now
              </li>
            ))}
          </ul>
        </div>
      )}
      {theirs.length + both.length === 0 && <p className="text-muted">Nothing of what this form shows was changed. Save again to write yours.</p>}
    </div>
  );
}
