'use client';
import { must, type NewApiKey } from '@opssight/client';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { api } from '@/lib/api';

export const useKeys = () =>
  useQuery({ queryKey: ['keys'], queryFn: ({ signal }) => must(api.GET('/api/v1/keys', { signal })) });

export function useMakeKey() {
  const client = useQueryClient();
  return useMutation({
    meta: { quiet: true },
    mutationFn: (body: NewApiKey) => must(api.POST('/api/v1/keys', { body })),
    onSuccess: () => client.invalidateQueries({ queryKey: ['keys'] }),
  });
}

export function useRevokeKey() {
  const client = useQueryClient();
  return useMutation({
    meta: { quiet: true },
    mutationFn: (id: string) => must(api.DELETE('/api/v1/keys/{id}', { params: { path: { id } } })),
    // Also when it was gone already.
    onSettled: () => client.invalidateQueries({ queryKey: ['keys'] }),
  });
}
