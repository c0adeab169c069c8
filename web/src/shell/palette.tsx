'use client';
import { must, type Run } from '@opssight/client';
import { keepPreviousData, useQuery } from '@tanstack/react-query';
import clsx from 'clsx';
import { CircleHelp, Filter, LogOut, Monitor, Moon, Plus, Search, Sun } from 'lucide-react';
import { useRouter } from 'next/navigation';
import { useDeferredValue, useEffect, useRef, useState, type KeyboardEvent, type ReactNode } from 'react';
import { useSignOut } from '@/features/identity/queries';
import { useOverview } from '@/features/overview/queries';
import { api } from '@/lib/api';
import { runHref } from '@/lib/path-id';
import { Dialog } from '@/ui/dialog';
import { statusOf, StatusIcon } from '@/ui/status';
import { matches } from './palette-match';
import { PLACES } from './places';
import { setTheme } from './theme';

type Item = { id: string; group: string; text: string; note?: string; icon: ReactNode; run: () => void };

/** Type where to go or what to do. A combobox over one list: the focus stays in the text field. */
export function Palette({ onClose, onHelp }: { onClose: () => void; onHelp: () => void }) {
  const [text, setText] = useState('');
  const [at, setAt] = useState(0);
  const list = useRef<HTMLDivElement>(null);
  const items = useItems(text.trim(), onHelp);
  const chosen = Math.min(at, items.length - 1);

  useEffect(() => {
    list.current?.querySelector('[aria-selected=true]')?.scrollIntoView({ block: 'nearest' });
  }, [chosen]);

  const pick = (item: Item | undefined) => {
    if (!item) return;
    onClose();
    item.run();
  };
  const onKey = (event: KeyboardEvent) => {
    const to: Record<string, number> = { ArrowDown: chosen + 1, ArrowUp: chosen - 1, Home: 0, End: items.length - 1 };
    const next = to[event.key];
    if (next !== undefined && (event.key.startsWith('Arrow') || !text)) {
      event.preventDefault();
      setAt((next + items.length) % Math.max(1, items.length));
    } else if (event.key === 'Enter') {
      event.preventDefault();
      pick(items[chosen]);
    }
  };

  return (
    <Dialog title="Command palette" bare wide onClose={onClose}>
      <div className="flex items-center gap-2 border-b border-line px-4">
        <Search size={16} className="text-faint" aria-hidden />
        <input
          autoFocus
          role="combobox"
          aria-expanded="true"
          aria-controls="palette-list"
          aria-activedescendant={items[chosen] ? `palette-${chosen}` : undefined}
          aria-label="Search or jump to"
          placeholder="Search runs, jump to a page, do something…"
          autoComplete="off"
          spellCheck={false}
          value={text}
          onChange={(event) => {
            setText(event.target.value);
            setAt(0);
          }}
          onKeyDown={onKey}
          className="h-12 grow bg-transparent outline-none"
        />
      </div>
      <div ref={list} id="palette-list" role="listbox" aria-label="Results" className="max-h-[50dvh] overflow-y-auto p-2">
        {items.map((item, index) => (
          <div key={item.id}>
            {item.group !== items[index - 1]?.group && (
              <p role="presentation" className="px-2 pt-2 pb-1 text-xs font-medium text-faint">
                {item.group}
              </p>
            )}
            <div
              id={`palette-${index}`}
              role="option"
              aria-selected={index === chosen}
              onMouseMove={() => index !== chosen && setAt(index)}
              onClick={() => pick(item)}
              className={clsx('flex h-9 cursor-pointer items-center gap-2.5 rounded-md px-2 text-sm', index === chosen && 'bg-hover')}
            >
              <span className="flex w-4 shrink-0 justify-center text-faint">{item.icon}</span>
              <span className="min-w-0 truncate">{item.text}</span>
              {item.note && <span className="ml-auto shrink-0 truncate pl-3 text-xs text-faint max-sm:max-w-[40%]">{item.note}</span>}
            </div>
          </div>
        ))}
        {items.length === 0 && <p className="px-2 py-8 text-center text-sm text-muted">Nothing matches “{text}”.</p>}
      </div>
    </Dialog>
  );
}

function useItems(text: string, onHelp: () => void): Item[] {
  const router = useRouter();
  const signOut = useSignOut();
  const overview = useOverview();
  const runs = useFoundRuns(useDeferredValue(text));
  const icon = { size: 15, 'aria-hidden': true } as const;
  const fixed: Item[] = [
    ...PLACES.map((place) => ({
      id: place.href, group: 'Go to', text: place.name, note: `g ${place.key}`,
      icon: <place.icon {...icon} />, run: () => router.push(place.href),
    })),
    { id: 'add', group: 'Do', text: 'Add a connection', icon: <Plus {...icon} />, run: () => router.push('/connections/?add=1') },
    { id: 'light', group: 'Do', text: 'Use the light theme', icon: <Sun {...icon} />, run: () => setTheme('light') },
    { id: 'dark', group: 'Do', text: 'Use the dark theme', icon: <Moon {...icon} />, run: () => setTheme('dark') },
    { id: 'system', group: 'Do', text: 'Use the theme of the system', icon: <Monitor {...icon} />, run: () => setTheme('system') },
    { id: 'help', group: 'Do', text: 'Show keyboard shortcuts', note: '?', icon: <CircleHelp {...icon} />, run: onHelp },
    { id: 'out', group: 'Do', text: 'Sign out', icon: <LogOut {...icon} />, run: () => signOut.mutate() },
  ];
  const services: Item[] = (overview.data?.services ?? []).map(({ service }) => ({
    id: `service-${service}`, group: 'Runs of a service', text: service, icon: <Filter {...icon} />,
    run: () => router.push(`/pipelines/?service=${encodeURIComponent(service)}`),
  }));
  const found: Item[] = runs.map((run) => ({
    id: `run-${run.id}`, group: 'Runs', text: run.title ?? run.pipeline ?? run.id,
    note: [run.pipeline, run.number ? `#${run.number}` : undefined].filter(Boolean).join(' '),
    icon: <StatusIcon status={statusOf(run.state, run.result)} size={15} />, run: () => router.push(runHref(run.id)),
  }));
  const known = [...fixed, ...services.slice(0, text ? 50 : 4)].filter((item) => matches(text, `${item.text} ${item.group}`));
  return [...known.slice(0, 20), ...found];
}

function useFoundRuns(text: string): Run[] {
  const query = useQuery({
    queryKey: ['runs-found', text],
    queryFn: ({ signal }) => must(api.GET('/api/v1/runs', { params: { query: { q: text, limit: 6 } }, signal })),
    enabled: text.length >= 2,
    placeholderData: keepPreviousData,
    staleTime: 5_000,
  });
  return text.length >= 2 ? (query.data?.items ?? []) : [];
}
