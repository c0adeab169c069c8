import type { Metadata } from 'next';
import { ConnectionPage } from '@/features/connections/connection-page';

export const metadata: Metadata = { title: 'Connection' };

/** One shell for every connection; see `usePathId`. */
export const generateStaticParams = () => [{ id: '_' }];
export const dynamicParams = false;

export default function Page() {
  return <ConnectionPage />;
}
