'use client';
import clsx from 'clsx';
import { CircleAlert, RotateCw, Unplug } from 'lucide-react';
import type { ReactNode } from 'react';
import { asProblem } from '@/lib/api';
import { Button } from './button';
import { CopyButton } from './copy';

/** A grey bar where a text will be. */
export function Skeleton({ className }: { className?: string }) {
  return <span aria-hidden className={clsx('skeleton block h-3.5', className)} />;
}

/** Rows of grey bars where a list will be. */
export function SkeletonRows({ rows = 6, label = 'Loading' }: { rows?: number; label?: string }) {
  return (
    <div role="status" aria-label={label} className="divide-y divide-line">
      {Array.from({ length: rows }, (_, row) => (
        <div key={row} className="flex items-center gap-3 px-4 py-3">
          <Skeleton className="size-4 shrink-0 rounded-full" />
          <div className="grow space-y-1.5">
            <Skeleton className={row % 3 === 0 ? 'w-2/5' : row % 3 === 1 ? 'w-3/5' : 'w-1/2'} />
            <Skeleton className="h-2.5 w-1/4" />
          </div>
          <Skeleton className="w-14" />
        </div>
      ))}
    </div>
  );
}

/** Nothing is here, why, and what to do about it. */
export function Empty({
  icon,
  title,
  children,
  action,
  heading: Heading = 'p',
}: {
  icon: ReactNode;
  title: string;
  /** The page's heading, where there is no other. */
  heading?: 'p' | 'h1';
  children?: ReactNode;
  action?: ReactNode;
}) {
  return (
    <div className="flex flex-col items-center gap-2 px-6 py-14 text-center">
      <div className="mb-1 flex size-11 items-center justify-center rounded-xl border border-line bg-sunken text-faint">
        {icon}
      </div>
      <Heading className="font-medium">{title}</Heading>
      {children && <div className="max-w-md text-sm text-muted">{children}</div>}
      {action && <div className="mt-2">{action}</div>}
    </div>
  );
}

/** What went wrong, in the server's words, with the id to quote and a way to try again. */
export function ErrorState({ error, onRetry }: { error: unknown; onRetry?: () => void }) {
  const problem = asProblem(error);
  return (
    <div role="alert" className="flex flex-col items-center gap-2 px-6 py-12 text-center">
      <div className="mb-1 flex size-11 items-center justify-center rounded-xl border border-line bg-sunken text-bad">
        {problem.status === 0 ? <Unplug size={20} aria-hidden /> : <CircleAlert size={20} aria-hidden />}
      </div>
      <p className="font-medium">{problem.title}</p>
      <p className="max-w-md text-sm break-words text-muted first-letter:uppercase">{problem.detail}</p>
      {problem.requestId && (
        <p className="flex items-center gap-1 text-xs text-faint">
          Request <code>{problem.requestId}</code>
          <CopyButton value={problem.requestId} label="Copy request id" />
        </p>
      )}
      {onRetry && (
        <Button className="mt-2" onClick={onRetry} icon={<RotateCw size={14} aria-hidden />}>
          Try again
        </Button>
      )}
    </div>
  );
}

type Answer<T> = { data: T | undefined; error: unknown; isPending: boolean; refetch: () => unknown };

/** One query on the page: skeleton, error or content. Old content stays while it is asked for again. */
export function Loaded<T>({
  query,
  skeleton,
  children,
}: {
  query: Answer<T>;
  skeleton?: ReactNode;
  children: (data: T) => ReactNode;
}) {
  if (query.data !== undefined) return children(query.data);
  if (query.error) return <ErrorState error={query.error} onRetry={() => void query.refetch()} />;
  return skeleton ?? <SkeletonRows />;
}
