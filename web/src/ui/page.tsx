import clsx from 'clsx';
import type { ReactNode } from 'react';

/** The heading of a page with what can be done there. */
export function PageHeader({ title, note, actions }: { title: ReactNode; note?: ReactNode; actions?: ReactNode }) {
  return (
    <header className="mb-4 flex flex-wrap items-start justify-between gap-x-4 gap-y-2">
      <div className="min-w-0">
        <h1 className="text-xl font-semibold tracking-tight">{title}</h1>
        {note && <div className="mt-0.5 text-sm text-muted">{note}</div>}
      </div>
      {actions && <div className="flex flex-wrap items-center gap-2">{actions}</div>}
    </header>
  );
}

/** A card with a heading. */
export function Section({
  title,
  note,
  actions,
  children,
  className,
  flush = false,
}: {
  title: ReactNode;
  note?: ReactNode;
  actions?: ReactNode;
  children: ReactNode;
  className?: string;
  /** The content reaches the card's edges. */
  flush?: boolean;
}) {
  return (
    <section className={clsx('card min-w-0 overflow-hidden', className)}>
      <header className="flex min-h-11 flex-wrap items-center justify-between gap-x-4 gap-y-1 border-b border-line px-4 py-1.5">
        <h2 className="text-sm font-semibold">
          {title}
          {note && <span className="ml-2 font-normal text-faint">{note}</span>}
        </h2>
        {actions && <div className="flex flex-wrap items-center gap-2">{actions}</div>}
      </header>
      <div className={flush ? undefined : 'p-4'}>{children}</div>
    </section>
  );
}

/** A name and its value, for the facts about one thing. */
export function Fact({ name, children, className }: { name: string; children: ReactNode; className?: string }) {
  return (
    <div className={clsx('min-w-0', className)}>
      <dt className="text-xs text-faint">{name}</dt>
      <dd className="mt-0.5 min-w-0 text-sm">{children}</dd>
    </div>
  );
}

/** A number that matters, with its name and what it is made of. */
export function Figure({
  name,
  value,
  unit,
  note,
  children,
}: {
  name: ReactNode;
  value: ReactNode;
  unit?: ReactNode;
  note?: ReactNode;
  children?: ReactNode;
}) {
  return (
    <div className="min-w-0">
      <p className="text-xs font-medium text-muted">{name}</p>
      <p className="mt-1 flex flex-wrap items-baseline gap-x-1.5">
        <span className="text-2xl leading-tight font-semibold tracking-tight whitespace-nowrap tabular-nums">{value}</span>
        {unit && <span className="text-xs text-muted">{unit}</span>}
      </p>
      {note && <p className="mt-0.5 text-xs text-faint">{note}</p>}
      {children}
    </div>
  );
}
