import type { DeploymentOutcome } from '@opssight/client';
import { CircleCheck, CircleSlash, CircleX, LoaderCircle } from 'lucide-react';
import type { Status } from '@/ui/status';

const OUTCOMES: Record<DeploymentOutcome, Status> = {
  pending: { word: 'In progress', tone: 'busy', icon: LoaderCircle, moving: true },
  succeeded: { word: 'Succeeded', tone: 'good', icon: CircleCheck },
  failed: { word: 'Failed', tone: 'bad', icon: CircleX },
  superseded: { word: 'Superseded', tone: 'idle', icon: CircleSlash },
};

export const outcomeOf = (outcome: DeploymentOutcome): Status => OUTCOMES[outcome] ?? OUTCOMES.pending;

export const OUTCOME_OPTIONS = Object.entries(OUTCOMES).map(([value, { word }]) => [value, word] as const);
