/**
 * Heights of bars for lengths of time. One run of hours must not flatten the others, so the scale ends at three
 * times the median; what is longer is cut there. Unknown lengths get the lowest bar.
 */
export function barHeights(lengths: readonly (number | undefined)[], height: number, least = 6): number[] {
  const known = lengths.filter((n): n is number => n !== undefined && n > 0).sort((a, b) => a - b);
  const median = known[Math.floor(known.length / 2)];
  const longest = known.at(-1);
  if (median === undefined || longest === undefined) return lengths.map(() => least);
  const top = Math.min(longest, median * 3);
  return lengths.map((n) => (n === undefined ? least : Math.round(Math.max(least, Math.min(1, n / top) * height))));
}

/** "22 success, 5 failed, 1 running". */
export function barsInWords(words: readonly string[]): string {
  const counts = new Map<string, number>();
  for (const word of words) counts.set(word, (counts.get(word) ?? 0) + 1);
  return [...counts].map(([word, n]) => `${n} ${word.toLowerCase()}`).join(', ') || 'none';
}
