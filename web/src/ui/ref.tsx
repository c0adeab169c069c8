import { GitBranch, GitCommitHorizontal } from 'lucide-react';
import { shortCommit } from '@/lib/format';

/** A branch or tag. */
export function Branch({ name }: { name: string }) {
  return (
    <span className="inline-flex min-w-0 items-center gap-1 text-muted" title={name}>
      <GitBranch size={12} className="shrink-0 text-faint" aria-hidden />
      <span className="sr-only">branch </span>
      <span className="truncate font-mono text-xs">{name}</span>
    </span>
  );
}

/** A commit, short. */
export function Commit({ id }: { id: string }) {
  return (
    <span className="inline-flex items-center gap-1 text-muted" title={id}>
      <GitCommitHorizontal size={12} className="shrink-0 text-faint" aria-hidden />
      <span className="sr-only">commit </span>
      <span className="font-mono text-xs">{shortCommit(id)}</span>
    </span>
  );
}
