'use client';
import { must } from '@opssight/client';
import { useQuery } from '@tanstack/react-query';
import { api } from '@/lib/api';

export const usePlugins = () =>
  useQuery({ queryKey: ['plugins'], queryFn: ({ signal }) => must(api.GET('/api/v1/plugins', { signal })) });
