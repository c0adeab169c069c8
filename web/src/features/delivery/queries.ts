'use client';
import { must, type ChangeQuery, type DeploymentQuery, type Metric, type MetricsQuery } from '@opssight/client';
import { keepPreviousData, useInfiniteQuery, useQuery } from '@tanstack/react-query';
import { api } from '@/lib/api';

export const useMetrics = (query: MetricsQuery, enabled = true) =>
  useQuery({
    queryKey: ['metrics', query],
    queryFn: ({ signal }) => must(api.GET('/api/v1/delivery/metrics', { params: { query }, signal })),
    placeholderData: keepPreviousData,
    enabled,
  });

export type EvidenceFilter = { metric: Metric; service: string; environment: string; from?: string; to?: string };

/** What a number is made of. */
export const useEvidence = (query: EvidenceFilter) =>
  useInfiniteQuery({
    queryKey: ['evidence', query],
    queryFn: ({ pageParam, signal }) =>
      must(api.GET('/api/v1/delivery/evidence', { params: { query: { ...query, limit: 20, cursor: pageParam || undefined } }, signal })),
    initialPageParam: '',
    getNextPageParam: (page) => page.next_cursor ?? undefined,
    placeholderData: keepPreviousData,
  });

export const useDeployments = (query: DeploymentQuery, enabled = true) =>
  useInfiniteQuery({
    enabled,
    queryKey: ['deployments', query],
    queryFn: ({ pageParam, signal }) =>
      must(api.GET('/api/v1/deployments', { params: { query: { ...query, cursor: pageParam || undefined } }, signal })),
    initialPageParam: '',
    getNextPageParam: (page) => page.next_cursor ?? undefined,
    placeholderData: keepPreviousData,
  });

export const useDeployment = (id: string) =>
  useQuery({
    queryKey: ['deployment', id],
    queryFn: ({ signal }) => must(api.GET('/api/v1/deployments/{id}', { params: { path: { id } }, signal })),
  });

export const useChanges = (query: ChangeQuery) =>
  useInfiniteQuery({
    queryKey: ['changes', query],
    queryFn: ({ pageParam, signal }) =>
      must(api.GET('/api/v1/changes', { params: { query: { ...query, cursor: pageParam || undefined } }, signal })),
    initialPageParam: '',
    getNextPageParam: (page) => page.next_cursor ?? undefined,
    placeholderData: keepPreviousData,
  });
