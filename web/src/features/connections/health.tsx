import type { Connection } from '@opssight/client';
import { CircleCheck, CircleHelp, CirclePause, CircleX } from 'lucide-react';
import { StatusBadge, type Status } from '@/ui/status';

/** How a connection stands, in one word. */
export function healthOf(connection: Pick<Connection, 'enabled' | 'status'>): Status {
  if (!connection.enabled) return { word: 'Off', tone: 'idle', icon: CirclePause };
  if (connection.status.health === 'ok') return { word: 'Working', tone: 'good', icon: CircleCheck };
  if (connection.status.health === 'failing') return { word: 'Failing', tone: 'bad', icon: CircleX };
  return { word: 'Not checked', tone: 'idle', icon: CircleHelp };
}

export const HealthBadge = ({ connection }: { connection: Connection }) => <StatusBadge status={healthOf(connection)} />;
