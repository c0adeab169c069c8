'use client';
import { must } from '@opssight/client';
import { useMutation, useQuery } from '@tanstack/react-query';
import { api } from '@/lib/api';

export const useMe = () =>
  useQuery({ queryKey: ['me'], queryFn: ({ signal }) => must(api.GET('/api/v1/me', { signal })), staleTime: Infinity });

export const useVersion = () =>
  useQuery({ queryKey: ['version'], queryFn: ({ signal }) => must(api.GET('/api/v1/version', { signal })), staleTime: Infinity });

export const useSignIn = () =>
  useMutation({
    meta: { quiet: true },
    mutationFn: (secret: string) =>
      must(api.POST('/api/v1/sessions', { body: { secret, label: deviceLabel(navigator.userAgent) } })),
  });

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
