'use client';
import { must } from '@opssight/client';
import { useQuery } from '@tanstack/react-query';
import { api } from '@/lib/api';

export const useOverview = () =>
  useQuery({ queryKey: ['overview'], queryFn: ({ signal }) => must(api.GET('/api/v1/overview', { signal })) });

/** Service names to filter by, from what has been seen. */
export function useServiceOptions(): (readonly [string, string])[] {
  return (useOverview().data?.services ?? []).map(({ service }) => [service, service] as const);
}
