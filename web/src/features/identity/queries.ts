'use client';
import { must, type NewPassword } from '@opssight/client';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { api } from '@/lib/api';

export const useMe = () =>
  useQuery({ queryKey: ['me'], queryFn: ({ signal }) => must(api.GET('/api/v1/me', { signal })), staleTime: Infinity });

export const useVersion = () =>
  useQuery({ queryKey: ['version'], queryFn: ({ signal }) => must(api.GET('/api/v1/version', { signal })), staleTime: Infinity });

export const useSignIn = () =>
  useMutation({
    meta: { quiet: true },
    mutationFn: (entered: { secret: string } | { email: string; password: string }) =>
      must(api.POST('/api/v1/sessions', { body: { ...entered, label: deviceLabel(navigator.userAgent) } })),
  });

/** Whom an invitation is for. */
export const useInvitation = (token: string | undefined) =>
  useQuery({
    queryKey: ['invitation', token],
    queryFn: () => must(api.POST('/api/v1/invitations/show', { body: { token: token ?? '' } })),
    enabled: Boolean(token),
    retry: false,
    staleTime: Infinity,
  });

export const useJoin = () =>
  useMutation({
    meta: { quiet: true },
    mutationFn: (body: { token: string; name: string; password: string }) =>
      must(api.POST('/api/v1/invitations/join', { body: { ...body, label: deviceLabel(navigator.userAgent) } })),
  });

export const useSessions = () =>
  useQuery({ queryKey: ['sessions'], queryFn: ({ signal }) => must(api.GET('/api/v1/sessions', { signal })) });

export function useEndSession() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (id: string) => must(api.DELETE('/api/v1/sessions/{id}', { params: { path: { id } } })),
    onSettled: () => client.invalidateQueries({ queryKey: ['sessions'] }),
  });
}

export function useChangePassword() {
  const client = useQueryClient();
  return useMutation({
    meta: { quiet: true },
    mutationFn: (body: NewPassword) => must(api.PUT('/api/v1/me/password', { body })),
    onSuccess: () => client.invalidateQueries({ queryKey: ['sessions'] }),
  });
}

export const useSignOut = () =>
  useMutation({
    mutationFn: () => must(api.DELETE('/api/v1/sessions/current')),
    // A full load drops everything that the last session saw.
    onSuccess: () => window.location.replace('/login/'),
  });

/** "Firefox on Linux": enough to recognise one's own session in a list. */
export function deviceLabel(agent: string): string {
  const browser = /Edg\//.test(agent) ? 'Edge' : /Firefox\//.test(agent) ? 'Firefox' : /Chrome\//.test(agent) ? 'Chrome' : /Safari\//.test(agent) ? 'Safari' : 'Browser';
  const system = /Android/.test(agent) ? 'Android' : /iPhone|iPad/.test(agent) ? 'iOS' : /Windows/.test(agent) ? 'Windows' : /Mac OS/.test(agent) ? 'macOS' : /Linux/.test(agent) ? 'Linux' : 'an unknown system';
  return `${browser} on ${system}`;
}
