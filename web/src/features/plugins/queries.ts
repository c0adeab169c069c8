'use client';
import { must, type CataloguePackage, type Inspection, type InstalledPackage } from '@opssight/client';
import { keepPreviousData, useInfiniteQuery, useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { api } from '@/lib/api';

/** A change that the host makes by itself (a rollback, a shadow) makes no event: who looks asks again. */
const LOOK_AGAIN_MS = 5_000;

export const usePlugins = () =>
  useQuery({ queryKey: ['plugins'], queryFn: ({ signal }) => must(api.GET('/api/v1/plugins', { signal })) });

export const usePlugin = (id: string) =>
  useQuery({
    queryKey: ['plugin', id],
    queryFn: ({ signal }) => must(api.GET('/api/v1/plugins/{id}', { params: { path: { id } }, signal })),
    enabled: id !== '',
    refetchInterval: LOOK_AGAIN_MS,
  });

export const useVersions = (id: string) =>
  useQuery({
    queryKey: ['plugin', id, 'versions'],
    queryFn: ({ signal }) => must(api.GET('/api/v1/plugins/{id}/versions', { params: { path: { id } }, signal })),
    enabled: id !== '',
    refetchInterval: LOOK_AGAIN_MS,
  });

export const usePluginEvents = (id: string) =>
  useInfiniteQuery({
    queryKey: ['plugin', id, 'events'],
    queryFn: ({ pageParam, signal }) =>
      must(api.GET('/api/v1/plugins/{id}/events', { params: { path: { id }, query: { cursor: pageParam || undefined } }, signal })),
    initialPageParam: '',
    getNextPageParam: (page) => page.next_cursor ?? undefined,
    enabled: id !== '',
  });

export const useCatalogue = (query: string) =>
  useQuery({
    queryKey: ['catalogue', query],
    queryFn: ({ signal }) => must(api.GET('/api/v1/catalogue', { params: { query: { query: query || undefined } }, signal })),
    placeholderData: keepPreviousData,
    retry: false,
  });

/** A package: a file that was chosen, or a name in the catalogue. */
export type Offer = File | CataloguePackage;

/** The file's own bytes where there is a file, and a JSON document where there is a name. */
const sent = (offer: Offer) =>
  offer instanceof File
    ? { body: offer as never, bodySerializer: (body: unknown) => body as BodyInit, headers: { 'content-type': 'application/wasm' } }
    : { body: offer as never };

/** What a package is and would mean here. Nothing is kept. */
export const inspect = (offer: Offer): Promise<Inspection> => must(api.POST('/api/v1/plugins/inspect', sent(offer)));

/** After a change, everything that shows plugins is old. */
function useRefresh() {
  const client = useQueryClient();
  return () => {
    for (const noun of ['plugins', 'plugin', 'catalogue', 'connections', 'connection']) void client.invalidateQueries({ queryKey: [noun] });
  };
}

export function useInstall() {
  const refresh = useRefresh();
  return useMutation({
    meta: { quiet: true },
    mutationFn: ({ offer, consent, shadow, similar }: { offer: Offer; consent?: string; shadow?: number; similar?: boolean }): Promise<InstalledPackage> =>
      must(
        api.POST('/api/v1/plugins', {
          params: { query: { consent, shadow_calls: shadow, allow_similar_name: similar || undefined } },
          ...sent(offer),
        }),
      ),
    onSuccess: refresh,
  });
}

type Step =
  | { step: 'approve' | 'reject' | 'promote'; digest: string }
  | { step: 'rollback'; digest?: string; reason: string }
  | { step: 'shadow'; digest: string; calls: number }
  | { step: 'revoke'; digest?: string; reason: string }
  | { step: 'drop'; digest: string; reason: string }
  | { step: 'enable' | 'disable' };

/** One step in the life of a plugin. */
export function useStep(id: string) {
  const refresh = useRefresh();
  const params = { path: { id } };
  return useMutation({
    meta: { quiet: true },
    mutationFn: async (step: Step) => {
      switch (step.step) {
        case 'approve':
          return must(api.POST('/api/v1/plugins/{id}/approve', { params, body: { digest: step.digest } }));
        case 'reject':
          return must(api.POST('/api/v1/plugins/{id}/reject', { params, body: { digest: step.digest } }));
        case 'rollback':
          return must(api.POST('/api/v1/plugins/{id}/rollback', { params, body: { digest: step.digest ?? null, reason: step.reason } }));
        case 'shadow':
          return must(api.POST('/api/v1/plugins/{id}/shadow', { params, body: { digest: step.digest, calls: step.calls, differences: 0 } }));
        case 'revoke':
          return must(api.POST('/api/v1/plugins/{id}/revoke', { params, body: { digest: step.digest ?? null, reason: step.reason } }));
        case 'drop':
          return must(api.POST('/api/v1/plugins/{id}/drop', { params, body: { digest: step.digest, reason: step.reason } }));
        case 'enable':
          return must(api.POST('/api/v1/plugins/{id}/enable', { params }));
        case 'disable':
          return must(api.POST('/api/v1/plugins/{id}/disable', { params }));
        case 'promote':
          return must(api.POST('/api/v1/plugins/{id}/promote', { params, body: { digest: step.digest } }));
      }
    },
    onSettled: refresh,
  });
}

export function useUninstall(id: string) {
  const refresh = useRefresh();
  return useMutation({
    meta: { quiet: true },
    mutationFn: (data: 'keep' | 'remove') =>
      must(api.DELETE('/api/v1/plugins/{id}', { params: { path: { id }, query: { data } } })),
    onSuccess: refresh,
  });
}
