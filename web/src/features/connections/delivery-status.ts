import type { DeliveryState } from '@opssight/client';
import { Ban, CircleCheck, CircleDashed, CircleMinus, CircleX, LoaderCircle, RotateCw } from 'lucide-react';
import type { Status } from '@/ui/status';

const STATES: Record<DeliveryState, Status> = {
  pending: { word: 'Waiting', tone: 'idle', icon: CircleDashed },
  processing: { word: 'Processing', tone: 'busy', icon: LoaderCircle, moving: true },
  done: { word: 'Done', tone: 'good', icon: CircleCheck },
  ignored: { word: 'Ignored', tone: 'idle', icon: CircleMinus },
  retrying: { word: 'Retrying', tone: 'wait', icon: RotateCw },
  failed: { word: 'Failed', tone: 'bad', icon: CircleX },
  rejected: { word: 'Rejected', tone: 'bad', icon: Ban },
};

export const deliveryStatus = (state: DeliveryState): Status => STATES[state] ?? STATES.pending;

export const DELIVERY_STATES = Object.entries(STATES).map(([value, { word }]) => [value, word] as const);

export const isDeliveryState = (text: string): text is DeliveryState => text in STATES;

/** A rejected delivery was never kept; one under way will be tried anyway. */
export const canReplay = (state: DeliveryState) => state === 'failed' || state === 'ignored' || state === 'done';

/** JSON laid out to be read; anything else as it is. */
export function readable(body: string): string {
  try {
    return JSON.stringify(JSON.parse(body), null, 2);
  } catch {
    return body;
  }
}
