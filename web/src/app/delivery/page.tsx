import type { Metadata } from 'next';
import { DeliveryPage } from '@/features/delivery/page';

export const metadata: Metadata = { title: 'Delivery' };

export default function Page() {
  return <DeliveryPage />;
}
