'use client';
import { must, type Connection, type ConnectionPatch, type DeliveryQuery, type NewConnection } from '@opssight/client';
import { keepPreviousData, useInfiniteQuery, useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { api } from '@/lib/api';
import { changeConnection, choose, showConnection, type Choice, type Seen } from './wire';

/** A refused or ignored delivery changes no run and so makes no event: who looks at the log asks for it. */
const LOOK_AGAIN_MS = 5_000;

export const useConnections = () =>
  useQuery({
    queryKey: ['connections'],
    queryFn: ({ signal }) => must(api.GET('/api/v1/connections', { params: { query: { limit: 200 } }, signal })),
  });

export const useConnection = (id: string) =>
  useQuery({
    queryKey: ['connection', id],
    queryFn: ({ signal }) => showConnection(api, id, signal),
    enabled: id !== '',
    refetchInterval: LOOK_AGAIN_MS,
  });

/** After a write, everything that shows connections is old. */
function useRefresh() {
  const client = useQueryClient();
  return () => {
    for (const noun of ['connections', 'connection', 'overview']) void client.invalidateQueries({ queryKey: [noun] });
  };
}

export function useCreateConnection() {
  const refresh = useRefresh();
  return useMutation({
    meta: { quiet: true },
    mutationFn: (body: NewConnection) => must(api.POST('/api/v1/connections', { body })),
    onSuccess: refresh,
  });
}

/**
 * What follows a change: the page shows it at once, under the tag that is old by now, so that whatever is changed before
 * the new tag is here is refused rather than written over something. The change is over when the new tag is here.
 */
function useChanged(id: string) {
  const client = useQueryClient();
  const refresh = useRefresh();
  return async (connection: Connection) => {
    client.setQueryData<Seen>(['connection', id], (old) => old && { ...old, connection });
    refresh();
    await client.invalidateQueries({ queryKey: ['connection', id] });
  };
}

export function usePatchConnection(id: string) {
  return useMutation({
    meta: { quiet: true },
    mutationFn: ({ patch, tag }: { patch: ConnectionPatch; tag?: string }) => changeConnection(api, id, patch, tag),
    onSuccess: useChanged(id),
  });
}

/** Give and withhold abilities; without `seen`, on the connection as it is by then. */
export function useChoose(id: string) {
  return useMutation({
    meta: { quiet: true },
    mutationFn: ({ choices, seen }: { choices: Choice[]; seen?: Seen }) => choose(api, id, choices, seen),
    onSuccess: useChanged(id),
  });
}

/** The connection as it is now, for a form that was overtaken. */
export function useLoadConnection(id: string) {
  const client = useQueryClient();
  return useMutation({
    meta: { quiet: true },
    mutationFn: () => showConnection(api, id),
    onSuccess: (seen) => client.setQueryData<Seen>(['connection', id], seen),
  });
}

export function useRemoveConnection(id: string) {
  const client = useQueryClient();
  return useMutation({
    meta: { quiet: true },
    mutationFn: () => must(api.DELETE('/api/v1/connections/{id}', { params: { path: { id } } })),
    onSuccess: () => {
      client.removeQueries({ queryKey: ['connection', id] });
      for (const noun of ['connections', 'overview']) void client.invalidateQueries({ queryKey: [noun] });
    },
  });
}

export function useCheckConnection(id: string) {
  const refresh = useRefresh();
  return useMutation({
    mutationFn: () => must(api.POST('/api/v1/connections/{id}/check', { params: { path: { id } } })),
    onSettled: refresh,
  });
}

export function useSyncConnection(id: string) {
  const refresh = useRefresh();
  return useMutation({
    mutationFn: () => must(api.POST('/api/v1/connections/{id}/sync', { params: { path: { id } } })),
    onSettled: refresh,
  });
}

/** The delivery log, newest first. */
export const useDeliveries = (query: DeliveryQuery) =>
  useInfiniteQuery({
    queryKey: ['deliveries', query],
    queryFn: ({ pageParam, signal }) =>
      must(api.GET('/api/v1/deliveries', { params: { query: { ...query, cursor: pageParam || undefined } }, signal })),
    initialPageParam: '',
    getNextPageParam: (page) => page.next_cursor ?? undefined,
    placeholderData: keepPreviousData,
    // Only while the reader is on the first page; further pages are history.
    refetchInterval: ({ state }) => ((state.data?.pages.length ?? 0) <= 1 ? LOOK_AGAIN_MS : false),
  });

export const useDelivery = (id: string) =>
  useQuery({
    queryKey: ['delivery', id],
    queryFn: ({ signal }) => must(api.GET('/api/v1/deliveries/{id}', { params: { path: { id } }, signal })),
  });

export function useReplay() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (id: string) => must(api.POST('/api/v1/deliveries/{id}/replay', { params: { path: { id } } })),
    onSettled: () => {
      for (const noun of ['deliveries', 'delivery', 'connection', 'overview'])
        void client.invalidateQueries({ queryKey: [noun] });
    },
  });
}
