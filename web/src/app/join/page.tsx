import type { Metadata } from 'next';
import { JoinPage } from '@/features/identity/join';

export const metadata: Metadata = { title: 'Join' };

export default function Page() {
  return <JoinPage />;
}
