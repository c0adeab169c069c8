'use client';
import { useEffect, useRef } from 'react';
import { Button } from './button';

type Pages = { hasNextPage: boolean; isFetchingNextPage: boolean; fetchNextPage: () => unknown };

/** The end of a paged list: loads the next page when it comes into view (unless something follows it), or by its button. */
export function More({ query, shown, auto = true }: { query: Pages; shown: number; auto?: boolean }) {
  const ref = useRef<HTMLDivElement>(null);
  const { hasNextPage, isFetchingNextPage, fetchNextPage } = query;
  useEffect(() => {
    const end = ref.current;
    if (!end || !auto || !hasNextPage || isFetchingNextPage) return;
    const observer = new IntersectionObserver((entries) => {
      if (entries.some((entry) => entry.isIntersecting)) void fetchNextPage();
    }, { rootMargin: '200px' });
    // After a thousand rows the reader should say so; no page grows for ever by scrolling.
    if (shown < 1_000) observer.observe(end);
    return () => observer.disconnect();
  }, [auto, hasNextPage, isFetchingNextPage, fetchNextPage, shown]);
  if (!hasNextPage) return null;
  return (
    <div ref={ref} className="flex justify-center border-t border-line p-3">
      <Button small busy={isFetchingNextPage} onClick={() => void fetchNextPage()}>
        Load more
      </Button>
    </div>
  );
}
