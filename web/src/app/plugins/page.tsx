import type { Metadata } from 'next';
import { PluginsPage } from '@/features/plugins/page';

export const metadata: Metadata = { title: 'Plugins' };

export default function Page() {
  return <PluginsPage />;
}
