import { ArrowUpRight } from 'lucide-react';
import type { ReactNode } from 'react';

/** Only web addresses become links: an upstream's text must not bring `javascript:`. */
export function isWebAddress(url: string | null | undefined): url is string {
  return /^https?:\/\//i.test(url ?? '');
}

/** A link out of OpsSight, to the upstream's own page. */
export function External({ href, children, className }: { href: string | null | undefined; children: ReactNode; className?: string }) {
  if (!isWebAddress(href)) return null;
  return (
    <a href={href} target="_blank" rel="noopener noreferrer" className={className ?? 'inline-flex items-center gap-0.5 text-sm text-muted hover:text-accent hover:underline'}>
      {children}
      <ArrowUpRight size={13} className="shrink-0" aria-hidden />
      <span className="sr-only"> (opens in a new tab)</span>
    </a>
  );
}
