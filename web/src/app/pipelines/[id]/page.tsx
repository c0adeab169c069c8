import type { Metadata } from 'next';
import { RunPage } from '@/features/pipelines/run-page';

export const metadata: Metadata = { title: 'Run' };

/** One shell for every run; see `usePathId`. */
export const generateStaticParams = () => [{ id: '_' }];
export const dynamicParams = false;

export default function Page() {
  return <RunPage />;
}
