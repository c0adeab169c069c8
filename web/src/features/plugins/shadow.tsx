'use client';
import type { Shadow } from '@opssight/client';
import Link from 'next/link';
import { asProblem } from '@/lib/api';
import { count, plural } from '@/lib/format';
import { pluginHref } from '@/lib/path-id';
import { Badge } from '@/ui/badge';
import { Button } from '@/ui/button';
import { useStep } from './queries';

/** Beside the plugin's name on each of its tabs: that another version is being compared, and how that goes. */
export function ShadowBadge({ id, shadow }: { id: string; shadow: Shadow }) {
  const { version, compared, different } = shadow;
  const calls = compared === 0 ? 'no call compared yet' : `${plural(compared, 'call')} compared, ${different === 0 ? 'none' : count(different)} different`;
  return (
    <Link href={`${pluginHref(id)}?tab=versions`} prefetch={false} className="inline-flex min-w-0 rounded-[5px] hover:underline">
      <Badge tone="busy" className="h-auto! min-h-5 shrink! whitespace-normal!">
        {version} in shadow, {calls}
      </Badge>
    </Link>
  );
}

/** A version that answers the same calls, offline, and what came of it so far. */
export function ShadowCard({ id, shadow }: { id: string; shadow: Shadow }) {
  const step = useStep(id);
  return (
    <section aria-label="Comparison" className="card mb-4 space-y-3 border-l-[3px] border-l-busy px-4 py-3">
      <div className="flex flex-wrap items-center gap-3">
        <p className="min-w-0 grow basis-60 text-sm">
          <strong>Version {shadow.version} is being compared</strong>
          <span className="block text-xs text-muted">
            {count(shadow.compared)} of {count(shadow.calls)} calls, {shadow.different === 0 ? 'all answers the same' : `${count(shadow.different)} different`}. Nobody acts on its answers.
          </span>
        </p>
        <Button busy={step.isPending} onClick={() => step.mutate({ step: 'drop', digest: shadow.digest, reason: 'dropped in the dashboard' })}>
          Let go of it
        </Button>
        <Button look="primary" busy={step.isPending} onClick={() => step.mutate({ step: 'promote', digest: shadow.digest })}>
          Let it take over
        </Button>
      </div>
      <progress className="h-1.5 w-full accent-(--accent-solid)" max={shadow.calls} value={Math.min(shadow.compared, shadow.calls)} aria-label="Calls compared" />
      {shadow.samples.length > 0 && (
        <ul className="space-y-1 text-xs">
          {shadow.samples.slice(-5).map((sample) => (
            <li key={sample.call} className="break-words">
              <span className="text-faint">{sample.kind}</span> {sample.difference}
            </li>
          ))}
        </ul>
      )}
      {step.error && (
        <p role="alert" className="text-sm break-words text-bad first-letter:uppercase">
          {asProblem(step.error).detail}
        </p>
      )}
    </section>
  );
}
