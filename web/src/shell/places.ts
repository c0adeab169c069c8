import { Cable, ChartNoAxesColumn, GitPullRequest, KeyRound, LayoutDashboard, Puzzle, Rocket, Users, Workflow, type LucideIcon } from 'lucide-react';

/** A page that one can go to: from the sidebar, the palette, or with "g" and its key. */
export type Place = { href: string; name: string; key: string; icon: LucideIcon; group: 'See' | 'Set up' };

export const PLACES: readonly Place[] = [
  { href: '/', name: 'Overview', key: 'o', icon: LayoutDashboard, group: 'See' },
  { href: '/pipelines/', name: 'Pipelines', key: 'p', icon: Workflow, group: 'See' },
  { href: '/delivery/', name: 'Delivery', key: 'd', icon: ChartNoAxesColumn, group: 'See' },
  { href: '/deployments/', name: 'Deployments', key: 'e', icon: Rocket, group: 'See' },
  { href: '/changes/', name: 'Changes', key: 'h', icon: GitPullRequest, group: 'See' },
  { href: '/connections/', name: 'Connections', key: 'c', icon: Cable, group: 'Set up' },
  { href: '/plugins/', name: 'Plugins', key: 'l', icon: Puzzle, group: 'Set up' },
  { href: '/people/', name: 'People', key: 'u', icon: Users, group: 'Set up' },
  { href: '/keys/', name: 'Keys', key: 'k', icon: KeyRound, group: 'Set up' },
];

/** Is this the place that the address is in? */
export const isHere = (href: string, pathname: string) => (href === '/' ? pathname === '/' : pathname.startsWith(href));
