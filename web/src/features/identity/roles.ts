import type { Role } from '@opssight/client';

/** What each role may do, in a sentence; the least first. */
export const ROLES: readonly { role: Role; name: string; may: string }[] = [
  { role: 'viewer', name: 'Viewer', may: 'Looks, and changes nothing.' },
  { role: 'operator', name: 'Operator', may: 'Also acts on runs, syncs connections, and processes deliveries again.' },
  { role: 'admin', name: 'Admin', may: 'May do everything.' },
];

export const nameOf = (role: Role): string => ROLES.find((one) => one.role === role)?.name ?? role;
