'use client';
import { must, type RunQuery } from '@opssight/client';
import { keepPreviousData, useInfiniteQuery, useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { api } from '@/lib/api';

/** Runs, newest first, page by page. */
export const useRuns = (query: RunQuery) =>
  useInfiniteQuery({
    queryKey: ['runs', query],
    queryFn: ({ pageParam, signal }) =>
      must(api.GET('/api/v1/runs', { params: { query: { ...query, cursor: pageParam || undefined } }, signal })),
    initialPageParam: '',
    getNextPageParam: (page) => page.next_cursor ?? undefined,
    placeholderData: keepPreviousData,
  });

export const useRun = (id: string) =>
  useQuery({
    queryKey: ['run', id],
    queryFn: ({ signal }) => must(api.GET('/api/v1/runs/{id}', { params: { path: { id } }, signal })),
    enabled: id !== '',
  });

export const usePipelines = (query: { service?: string; days?: number }, enabled = true) =>
  useQuery({
    queryKey: ['pipelines', query],
    queryFn: ({ signal }) => must(api.GET('/api/v1/pipelines', { params: { query }, signal })),
    placeholderData: keepPreviousData,
    enabled,
  });

export const useFlakyJobs = (query: { service?: string; days?: number }) =>
  useQuery({
    queryKey: ['flaky', query],
    queryFn: ({ signal }) => must(api.GET('/api/v1/flaky-jobs', { params: { query }, signal })),
    placeholderData: keepPreviousData,
  });

/** Does something to a run: run again, cancel. */
export function useRunAction(id: string) {
  const client = useQueryClient();
  return useMutation({
    meta: { quiet: true },
    mutationFn: (name: string) =>
      must(api.POST('/api/v1/runs/{id}/actions/{name}', { params: { path: { id, name } }, body: {} })),
    onSuccess: () => {
      void client.invalidateQueries({ queryKey: ['run'] });
      void client.invalidateQueries({ queryKey: ['runs'] });
    },
  });
}
