'use client';
import clsx from 'clsx';
import { LogOut } from 'lucide-react';
import Link from 'next/link';
import { usePathname } from 'next/navigation';
import { useMe, useSignOut, useVersion } from '@/features/identity/queries';
import { IconButton } from '@/ui/button';
import { Logo } from './logo';
import { isHere, PLACES } from './places';
import { ThemeSwitch } from './theme-switch';

/** Where one can go and who one is; at the left, or in the drawer of a narrow screen. */
export function Sidebar({ onGo }: { onGo?: () => void }) {
  return (
    <div className="flex h-full flex-col gap-4 px-3 py-3">
      <Link href="/" onClick={onGo} className="flex items-center gap-2 rounded-md px-2 py-1 font-semibold tracking-tight">
        <Logo />
        OpsSight
      </Link>
      <nav aria-label="Main" className="grow space-y-4 overflow-y-auto">
        {(['See', 'Set up'] as const).map((group) => (
          <div key={group}>
            <p className="px-2 pb-1 text-xs font-medium text-faint">{group}</p>
            <ul className="space-y-px">
              {PLACES.filter((place) => place.group === group).map((place) => (
                <li key={place.href}>
                  <NavLink place={place} onGo={onGo} />
                </li>
              ))}
            </ul>
          </div>
        ))}
      </nav>
      <Account onGo={onGo} />
    </div>
  );
}

function NavLink({ place, onGo }: { place: (typeof PLACES)[number]; onGo?: () => void }) {
  const here = isHere(place.href, usePathname());
  const Icon = place.icon;
  return (
    <Link
      href={place.href}
      onClick={onGo}
      aria-current={here ? 'page' : undefined}
      className={clsx(
        'group flex h-8 items-center gap-2.5 rounded-[7px] px-2 text-sm font-medium',
        here ? 'bg-text/7 text-text' : 'text-muted hover:bg-text/5 hover:text-text',
      )}
    >
      <Icon size={16} className={here ? 'text-accent' : 'text-faint'} aria-hidden />
      {place.name}
      <kbd aria-hidden className="ml-auto hidden text-[11px] text-faint group-hover:inline">
        g {place.key}
      </kbd>
    </Link>
  );
}

function Account({ onGo }: { onGo?: () => void }) {
  const me = useMe();
  const version = useVersion();
  const signOut = useSignOut();
  return (
    <div className="space-y-3 border-t border-line pt-3">
      <div className="flex items-center justify-between px-1">
        <ThemeSwitch />
        {version.data && (
          <span className="text-xs text-faint" title={`Plugin contract ${version.data.contract}`}>
            {version.data.version}
          </span>
        )}
      </div>
      <div className="flex items-center gap-2 pl-1">
        <span aria-hidden className="flex size-6 items-center justify-center rounded-full bg-accent-solid text-xs font-semibold text-on-accent uppercase">
          {me.data?.name.slice(0, 1) ?? '·'}
        </span>
        <Link href="/account/" onClick={onGo} title="Your account" className="min-w-0 grow truncate rounded text-sm hover:underline">
          {me.data?.name ?? ' '}
        </Link>
        <IconButton label="Sign out" disabled={signOut.isPending} onClick={() => signOut.mutate()}>
          <LogOut size={15} aria-hidden />
        </IconButton>
      </div>
    </div>
  );
}
