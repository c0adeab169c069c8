import { Compass } from 'lucide-react';
import Link from 'next/link';
import { buttonClass } from '@/ui/button';
import { Empty } from '@/ui/states';

export default function NotFound() {
  return (
    <Empty
      icon={<Compass size={20} aria-hidden />}
      heading="h1"
      title="There is no such page"
      action={
        <Link href="/" className={buttonClass()}>
          Go to the overview
        </Link>
      }
    >
      The address may be old or mistyped.
    </Empty>
  );
}
