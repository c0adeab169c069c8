/** A word-sized course: enough to see a trend, no numbers to read. */
export function Spark({ values }: { values: (number | null)[] }) {
  const known = values.filter((value): value is number => value !== null);
  const top = Math.max(...known, 0);
  if (known.length === 0 || top === 0) return <div className="h-7" />;
  const step = 100 / Math.max(1, values.length);
  return (
    <svg viewBox="0 0 100 28" preserveAspectRatio="none" className="h-7 w-full text-accent" aria-hidden>
      {values.map((value, index) =>
        value === null || value === 0 ? (
          <rect key={index} x={index * step} y={27} width={step * 0.7} height={1} fill="var(--line-strong)" />
        ) : (
          <rect
            key={index}
            x={index * step}
            y={28 - Math.max(2, (value / top) * 28)}
            width={step * 0.7}
            height={Math.max(2, (value / top) * 28)}
            fill="currentColor"
            opacity={0.75}
          />
        ),
      )}
    </svg>
  );
}
