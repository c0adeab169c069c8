'use client';
import { CircleHelp, Menu, Search } from 'lucide-react';
import { usePathname } from 'next/navigation';
import { LiveIndicator } from '@/features/live/indicator';
import { IconButton } from '@/ui/button';
import { isHere, PLACES } from './places';

export function Topbar({ onMenu, onPalette, onHelp }: { onMenu: () => void; onPalette: () => void; onHelp: () => void }) {
  const pathname = usePathname();
  const place = PLACES.find(({ href }) => isHere(href, pathname));
  return (
    <header className="sticky top-0 z-30 flex h-12 items-center gap-2 border-b border-line bg-bg/90 px-3 backdrop-blur-md sm:px-6">
      <IconButton label="Menu" className="lg:hidden" onClick={onMenu}>
        <Menu size={18} aria-hidden />
      </IconButton>
      <p className="truncate text-sm font-medium text-muted lg:hidden" aria-hidden>
        {place?.name ?? 'OpsSight'}
      </p>
      <button
        type="button"
        onClick={onPalette}
        aria-keyshortcuts="Control+K"
        className="field ml-auto flex items-center gap-2 text-faint lg:ml-0 lg:w-72"
      >
        <Search size={14} aria-hidden />
        <span className="max-sm:sr-only">Search or jump to…</span>
        <kbd aria-hidden className="ml-auto rounded border border-line bg-sunken px-1 text-[11px] max-sm:hidden">
          Ctrl K
        </kbd>
      </button>
      <div className="flex items-center gap-1 lg:ml-auto">
        <LiveIndicator />
        <IconButton label="Keyboard shortcuts" className="max-sm:hidden" onClick={onHelp}>
          <CircleHelp size={16} aria-hidden />
        </IconButton>
      </div>
    </header>
  );
}
