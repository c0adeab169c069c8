import type { RunResult, RunState } from '@opssight/client';
import clsx from 'clsx';
import {
  CircleAlert,
  CircleCheck,
  CircleDashed,
  CircleMinus,
  CirclePause,
  CircleSlash,
  CircleX,
  Clock,
  Hand,
  LoaderCircle,
  type LucideIcon,
} from 'lucide-react';
import { Badge, type Tone } from './badge';

/** How a run, job or step stands: one word, one colour, one icon, the same everywhere. */
export type Status = { word: string; tone: Tone; icon: LucideIcon; moving?: boolean };

const STATES: Record<Exclude<RunState, 'finished'>, Status> = {
  queued: { word: 'Queued', tone: 'idle', icon: CircleDashed },
  waiting: { word: 'Waiting', tone: 'wait', icon: CirclePause },
  running: { word: 'Running', tone: 'busy', icon: LoaderCircle, moving: true },
};

const RESULTS: Record<RunResult, Status> = {
  success: { word: 'Success', tone: 'good', icon: CircleCheck },
  failure: { word: 'Failed', tone: 'bad', icon: CircleX },
  error: { word: 'Error', tone: 'bad', icon: CircleAlert },
  timeout: { word: 'Timed out', tone: 'bad', icon: Clock },
  cancellation: { word: 'Cancelled', tone: 'idle', icon: CircleSlash },
  skip: { word: 'Skipped', tone: 'idle', icon: CircleMinus },
  neutral: { word: 'Neutral', tone: 'idle', icon: CircleMinus },
  action_required: { word: 'Needs action', tone: 'wait', icon: Hand },
};

const OVER: Status = { word: 'Finished', tone: 'idle', icon: CircleMinus };

/** A result only counts once the thing is over. */
export function statusOf(state: RunState, result: RunResult | null | undefined): Status {
  if (state !== 'finished') return STATES[state] ?? OVER;
  return (result && RESULTS[result]) || OVER;
}

export const isActive = (state: RunState) => state !== 'finished';
export const isBad = (result: RunResult | null | undefined) =>
  result === 'failure' || result === 'error' || result === 'timeout';

/** The icon with its word for screen readers and as a tooltip. */
export function StatusIcon({ status, size = 16, className }: { status: Status; size?: number; className?: string }) {
  const Icon = status.icon;
  return (
    <span className={clsx('inline-flex shrink-0', className)} style={{ color: `var(--${status.tone})` }} title={status.word}>
      <Icon size={size} aria-hidden className={status.moving ? 'spin' : undefined} />
      <span className="sr-only">{status.word}</span>
    </span>
  );
}

export function StatusBadge({ status }: { status: Status }) {
  const Icon = status.icon;
  return (
    <Badge tone={status.tone} icon={<Icon size={12} aria-hidden className={status.moving ? 'spin' : undefined} />}>
      {status.word}
    </Badge>
  );
}
