import type { Metadata } from 'next';
import { PluginPage } from '@/features/plugins/plugin-page';

export const metadata: Metadata = { title: 'Plugin' };

/** One shell for every plugin; see `usePathId`. */
export const generateStaticParams = () => [{ id: '_' }];
export const dynamicParams = false;

export default function Page() {
  return <PluginPage />;
}
