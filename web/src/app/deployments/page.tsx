import type { Metadata } from 'next';
import { DeploymentsPage } from '@/features/delivery/deployments';

export const metadata: Metadata = { title: 'Deployments' };

export default function Page() {
  return <DeploymentsPage />;
}
