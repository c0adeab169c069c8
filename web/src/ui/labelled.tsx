'use client';
import { useId, type ReactNode } from 'react';

/** A label, its control, what helps, and what is wrong. */
export function Labelled({
  title,
  help,
  problem,
  optional = false,
  children,
}: {
  title: string;
  help?: ReactNode;
  problem?: string;
  optional?: boolean;
  children: (ids: { id: string; 'aria-describedby': string | undefined; 'aria-invalid': true | undefined }) => ReactNode;
}) {
  const id = useId();
  const described = [problem && `${id}-problem`, help && `${id}-help`].filter(Boolean).join(' ');
  return (
    <div>
      <label htmlFor={id} className="text-sm font-medium">
        {title}
        {optional && <span className="ml-1.5 font-normal text-faint">optional</span>}
      </label>
      <div className="mt-1">{children({ id, 'aria-describedby': described || undefined, 'aria-invalid': problem ? true : undefined })}</div>
      {problem && (
        <p id={`${id}-problem`} className="mt-1 text-xs text-bad">
          {problem}
        </p>
      )}
      {help && (
        <p id={`${id}-help`} className="mt-1 text-xs text-muted">
          {help}
        </p>
      )}
    </div>
  );
}
