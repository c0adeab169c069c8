'use client';
import { QueryClientProvider } from '@tanstack/react-query';
import dynamic from 'next/dynamic';
import { usePathname } from 'next/navigation';
import { Suspense, useState, type ReactNode } from 'react';
import { LiveProvider } from '@/features/live/provider';
import { makeQueryClient } from '@/lib/api';
import { Dialog } from '@/ui/dialog';
import { SkeletonRows } from '@/ui/states';
import { ToastProvider, useToasts } from '@/ui/toast';
import { Sidebar } from './sidebar';
import { Topbar } from './topbar';
import { useKeys } from './use-keys';

const Palette = dynamic(() => import('./palette').then((m) => m.Palette), { ssr: false });
const Help = dynamic(() => import('./help').then((m) => m.Help), { ssr: false });

/** Everything around a page. Where nobody is signed in yet, a page stands alone. */
export function Frame({ children }: { children: ReactNode }) {
  return (
    <ToastProvider>
      <Data>{/^\/(login|join)\b/.test(usePathname()) ? <Suspense>{children}</Suspense> : <Shell>{children}</Shell>}</Data>
    </ToastProvider>
  );
}

function Data({ children }: { children: ReactNode }) {
  const toasts = useToasts();
  const [client] = useState(() => makeQueryClient((problem) => toasts.bad(problem.title, problem.detail)));
  return <QueryClientProvider client={client}>{children}</QueryClientProvider>;
}

function Shell({ children }: { children: ReactNode }) {
  const [open, setOpen] = useState<'palette' | 'help' | 'menu'>();
  useKeys({ openPalette: () => setOpen('palette'), openHelp: () => setOpen('help') });
  const close = () => setOpen(undefined);
  return (
    <LiveProvider>
      <a
        href="#main"
        className="sr-only z-50 rounded-md bg-raised px-3 py-2 shadow-lifted focus:not-sr-only focus:fixed focus:top-2 focus:left-2"
      >
        Skip to the content
      </a>
      <aside className="fixed inset-y-0 left-0 hidden w-[220px] border-r border-line bg-sunken lg:block">
        <Sidebar />
      </aside>
      <div className="lg:pl-[220px]">
        <Topbar onMenu={() => setOpen('menu')} onPalette={() => setOpen('palette')} onHelp={() => setOpen('help')} />
        <main id="main" tabIndex={-1} className="mx-auto w-full max-w-[1240px] px-4 pt-5 pb-16 outline-none sm:px-6">
          <Suspense fallback={<SkeletonRows />}>{children}</Suspense>
        </main>
      </div>
      {open === 'menu' && (
        <Dialog title="Menu" side="left" bare onClose={close}>
          <Sidebar onGo={close} />
        </Dialog>
      )}
      {open === 'palette' && <Palette onClose={close} onHelp={() => setOpen('help')} />}
      {open === 'help' && <Help onClose={close} />}
    </LiveProvider>
  );
}
