'use client';
import type { LiveEvent, LiveState } from '@opssight/client';
import { useQueryClient } from '@tanstack/react-query';
import { createContext, useContext, useEffect, useState, type ReactNode } from 'react';
import { applyEvent, Refresher, staleAfter } from './apply';
import { connectLive } from './connect';

const Context = createContext<LiveState>('connecting');

/** What the live stream is doing. */
export const useLiveState = () => useContext(Context);

/** Keeps every query of this tab in step with the live stream. */
export function LiveProvider({ children }: { children: ReactNode }) {
  const client = useQueryClient();
  const [state, setState] = useState<LiveState>('connecting');
  useEffect(() => {
    const refresher = new Refresher((queryKey) => void client.invalidateQueries({ queryKey }));
    let opened = false;
    let first = true;
    const live = connectLive((message) => {
      if (message.type === 'state') {
        setState(message.state);
        if (message.state === 'live' && !opened) {
          // The hub tells a tab that joins an open stream what it missed. When the stream opens only now, what was
          // loaded before may already be old.
          if (!first) void client.invalidateQueries({ predicate: ({ state: { dataUpdatedAt } }) => dataUpdatedAt > 0 });
          opened = true;
        }
        first = false;
        if (message.state === 'signed-out') void client.invalidateQueries({ queryKey: ['me'] });
      } else if (message.message.event === 'resync') {
        void client.invalidateQueries();
      } else {
        const event = parse(message.message.data);
        if (!event) return;
        applyEvent(client, event);
        refresher.add(staleAfter(event));
      }
    });
    const look = () => refresher.look(document.visibilityState === 'visible');
    look();
    document.addEventListener('visibilitychange', look);
    return () => {
      document.removeEventListener('visibilitychange', look);
      refresher.stop();
      live.close();
    };
  }, [client]);
  return <Context value={state}>{children}</Context>;
}

function parse(data: string): LiveEvent | undefined {
  try {
    const event = JSON.parse(data) as LiveEvent;
    return typeof event.type === 'string' && typeof event.subject === 'string' ? { ...event, data: event.data ?? {} } : undefined;
  } catch {
    return undefined;
  }
}
