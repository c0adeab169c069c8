'use client';
import type { Version, VersionName } from '@opssight/client';
import { History } from 'lucide-react';
import { useState } from 'react';
import { asProblem } from '@/lib/api';
import { bytes } from '@/lib/format';
import { Badge, type Tone } from '@/ui/badge';
import { Button } from '@/ui/button';
import { Dialog } from '@/ui/dialog';
import { Section } from '@/ui/page';
import { Loaded, SkeletonRows } from '@/ui/states';
import { Ago } from '@/ui/time';
import { Abilities, Change, without } from './abilities';
import { useStep, useVersions } from './queries';

const TONES: Record<string, Tone> = { active: 'good', waiting: 'wait', shadow: 'busy', kept: 'idle', withdrawn: 'bad' };

/** Every version that the host keeps, newest first. */
export function Versions({ id }: { id: string }) {
  const query = useVersions(id);
  const step = useStep(id);
  return (
    <Section title="Versions" note="kept, so that one can go back" flush>
      <Loaded query={query} skeleton={<SkeletonRows rows={3} />}>
        {({ items }) => (
          <ul className="divide-y divide-line">
            {items.map((version) => (
              <Row key={version.digest} version={version} busy={step.isPending} onStep={step.mutate} />
            ))}
          </ul>
        )}
      </Loaded>
      {step.error && (
        <p role="alert" className="border-t border-line px-4 py-2 text-sm break-words text-bad first-letter:uppercase">
          {asProblem(step.error).detail}
        </p>
      )}
    </Section>
  );
}

function Row({ version, busy, onStep }: { version: Version; busy: boolean; onStep: ReturnType<typeof useStep>['mutate'] }) {
  const ran = Boolean(version.activated_at);
  const usable = version.state === 'kept' || (version.state === 'withdrawn' && !version.revoked);
  return (
    <li className="flex flex-wrap items-center gap-x-6 gap-y-1 px-4 py-2.5">
      <div className="min-w-0 grow basis-56">
        <p className="flex flex-wrap items-center gap-2 text-sm font-medium">
          {version.version} <Badge tone={TONES[version.state] ?? 'idle'}>{version.revoked ? 'revoked' : version.state}</Badge>
          {version.is_fallback && <Badge title="A rollback leads here">way back</Badge>}
        </p>
        <p className="truncate text-xs text-muted" title={version.digest}>
          {version.reason ?? `${version.source} · ${bytes(version.size)} · ${version.digest.slice(0, 19)}…`}
        </p>
      </div>
      <span className="text-xs text-muted">
        {version.activated_at ? (
          <>
            ran since <Ago time={version.activated_at} />
          </>
        ) : (
          <>
            came <Ago time={version.installed_at} />
          </>
        )}
      </span>
      <span className="flex gap-2">
        {usable && ran && (
          <Button small disabled={busy} icon={<History size={13} aria-hidden />} onClick={() => onStep({ step: 'rollback', digest: version.digest, reason: 'chosen in the dashboard' })}>
            Go back to it
          </Button>
        )}
        {(usable || version.state === 'waiting') && (
          <Button small disabled={busy} onClick={() => onStep({ step: 'shadow', digest: version.digest, calls: 100 })}>
            Compare
          </Button>
        )}
      </span>
    </li>
  );
}

/** An update that wants more: what it wants, and the two answers. */
export function Waiting({ id, waiting }: { id: string; waiting: VersionName }) {
  const [open, setOpen] = useState(false);
  return (
    <section aria-label="Waiting update" className="card mb-4 flex flex-wrap items-center gap-3 border-l-[3px] border-l-wait px-4 py-3">
      <p className="min-w-0 grow basis-60 text-sm">
        <strong>Version {waiting.version} wants more than this one</strong>
        <span className="block text-xs text-muted">This version goes on until somebody agrees.</span>
      </p>
      <Button look="primary" onClick={() => setOpen(true)}>
        Review it
      </Button>
      {open && <Review id={id} waiting={waiting} onClose={() => setOpen(false)} />}
    </section>
  );
}

/** What it wants first: nobody is asked to agree to what is not shown, or to what takes its place meanwhile. */
function Review({ id, waiting, onClose }: { id: string; waiting: VersionName; onClose: () => void }) {
  const [seen] = useState(waiting);
  const query = useVersions(id);
  return (
    <Dialog title={`Version ${seen.version}`} onClose={onClose} wide>
      <div className="space-y-4 p-4">
        <Loaded query={query} skeleton={<SkeletonRows rows={3} />}>
          {({ items }) => {
            const next = items.find(({ digest, state }) => digest === seen.digest && state === 'waiting');
            if (!next) return <p className="text-sm">It does not wait any more.</p>;
            return (
              <>
                <Wants now={items.find(({ state }) => state === 'active')} next={next} />
                <Answers id={id} digest={next.digest} onClose={onClose} />
              </>
            );
          }}
        </Loaded>
      </div>
    </Dialog>
  );
}

function Wants({ now, next }: { now: Version | undefined; next: Version }) {
  if (!now) return <Abilities abilities={next.abilities} />;
  return (
    <section>
      <h3 className="mb-2 text-sm font-semibold">What changes from {now.version}</h3>
      <Change
        change={{
          from: now.version,
          wider: true,
          added: without(next.abilities, now.abilities),
          removed: without(now.abilities, next.abilities),
          raised: next.raised,
        }}
      />
    </section>
  );
}

function Answers({ id, digest, onClose }: { id: string; digest: string; onClose: () => void }) {
  const step = useStep(id);
  return (
    <>
      {step.error && (
        <p role="alert" className="text-sm break-words text-bad first-letter:uppercase">
          {asProblem(step.error).detail}
        </p>
      )}
      <div className="flex justify-end gap-2">
        <Button busy={step.isPending} onClick={() => step.mutate({ step: 'reject', digest }, { onSuccess: onClose })}>
          Refuse it
        </Button>
        <Button look="primary" busy={step.isPending} onClick={() => step.mutate({ step: 'approve', digest }, { onSuccess: onClose })}>
          Agree and update
        </Button>
      </div>
    </>
  );
}
