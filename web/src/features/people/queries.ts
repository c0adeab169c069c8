'use client';
import { must, type NewInvitation, type PersonPatch } from '@opssight/client';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { api } from '@/lib/api';

export const usePeople = () =>
  useQuery({ queryKey: ['people'], queryFn: ({ signal }) => must(api.GET('/api/v1/people', { signal })) });

export const useInvitations = (enabled: boolean) =>
  useQuery({ queryKey: ['invitations'], queryFn: ({ signal }) => must(api.GET('/api/v1/invitations', { signal })), enabled });

/** A change, after which what is shown of people and invitations is old. */
function useChange<V, T>(mutationFn: (given: V) => Promise<T>, quiet = false) {
  const client = useQueryClient();
  return useMutation({
    meta: { quiet },
    mutationFn,
    onSettled: () =>
      Promise.all([client.invalidateQueries({ queryKey: ['people'] }), client.invalidateQueries({ queryKey: ['invitations'] })]),
  });
}

export const useInvite = () => useChange((body: NewInvitation) => must(api.POST('/api/v1/invitations', { body })), true);

export const useWithdraw = () =>
  useChange((id: string) => must(api.DELETE('/api/v1/invitations/{id}', { params: { path: { id } } })));

export const useChangePerson = () =>
  useChange(({ id, ...body }: { id: string } & PersonPatch) => must(api.PATCH('/api/v1/people/{id}', { params: { path: { id } }, body })));

export const useRemovePerson = () =>
  useChange((id: string) => must(api.DELETE('/api/v1/people/{id}', { params: { path: { id } } })), true);
