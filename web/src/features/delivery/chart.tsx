'use client';
import { useEffect, useMemo, useRef, useState } from 'react';
import uPlot from 'uplot';
import { useIsDark } from '@/shell/theme';

export type ChartProps = {
  /** Start of each bucket, seconds. */
  t: number[];
  values: (number | null)[];
  draw: 'bars' | 'points';
  format: (value: number) => string;
  /** Distances between the lines of the scale. */
  steps: readonly number[];
  /** What is drawn, for those who do not see it. */
  label: string;
};

const HEIGHT = 220;
/** A bar stands on the middle of its bucket and must not be cut at the edges. */
const HALF_DAY = 43_200;
const variable = (name: string) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

/** The course of one metric. Time is in UTC days, as the buckets are. */
export default function Chart({ t, values, draw, format, steps, label }: ChartProps) {
  const box = useRef<HTMLDivElement>(null);
  const dark = useIsDark();
  const [at, setAt] = useState<{ left: number; index: number }>();
  const data = useMemo<uPlot.AlignedData>(() => [t, values], [t, values]);
  const formatter = useRef(format);
  useEffect(() => {
    formatter.current = format;
  });

  useEffect(() => {
    const element = box.current;
    if (!element) return;
    const accent = variable('--accent');
    const axis = {
      stroke: variable('--faint'),
      font: `11px ${getComputedStyle(document.body).fontFamily}`,
      grid: { stroke: variable('--line'), width: 1 },
      ticks: { show: false },
    };
    const highest = Math.max(0, ...values.filter((value): value is number => value !== null));
    const plot = new uPlot(
      {
        width: Math.max(1, element.clientWidth),
        height: HEIGHT,
        padding: [12, 12, 0, 0],
        legend: { show: false },
        tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1_000), 'Etc/UTC'),
        cursor: { y: false, drag: { x: false, y: false }, points: { size: 8 } },
        scales: { x: { time: true, range: (_, from, to) => [from - HALF_DAY, to + HALF_DAY] }, y: { range: [0, highest > 0 ? highest * 1.12 : 1] } },
        axes: [
          { ...axis, grid: { show: false }, size: 30, space: 70, values: '{MMM} {D}' },
          { ...axis, size: 60, space: 40, incrs: [...steps], values: (_, splits) => splits.map((split) => axisText(formatter.current(split))) },
        ],
        series: [
          {},
          draw === 'bars'
            ? { fill: accent, stroke: accent, width: 0, points: { show: false }, ...bars() }
            : { stroke: accent, width: 1.5, spanGaps: true, points: { show: true, size: 6, fill: variable('--panel'), stroke: accent } },
        ],
        hooks: {
          setCursor: [
            ({ cursor }) =>
              setAt(cursor.idx == null || cursor.left == null || cursor.left < 0 ? undefined : { left: cursor.left, index: cursor.idx }),
          ],
        },
      },
      data,
      element,
    );
    let gone = false;
    const observer = new ResizeObserver(() => {
      if (!gone && element.clientWidth > 0) plot.setSize({ width: element.clientWidth, height: HEIGHT });
    });
    observer.observe(element);
    return () => {
      gone = true;
      observer.disconnect();
      plot.destroy();
    };
    // `dark` is here because the colours are read once, when the plot is made.
  }, [data, draw, values, steps, dark]);

  const value = at ? values[at.index] : undefined;
  const when = at ? t[at.index] : undefined;
  return (
    <div className="relative">
      <div ref={box} role="img" aria-label={label} style={{ height: HEIGHT }} />
      {at && when !== undefined && (
        <div
          aria-hidden
          className="pointer-events-none absolute top-2 z-10 rounded-md border border-line bg-raised px-2 py-1 text-xs whitespace-nowrap shadow-lifted"
          style={at.left > 220 ? { right: `calc(100% - ${at.left + 56}px)` } : { left: at.left + 80 }}
        >
          <span className="text-faint">{new Date(when * 1_000).toISOString().slice(0, 10)}</span>{' '}
          <strong>{value == null ? 'nothing' : format(value)}</strong>
        </div>
      )}
    </div>
  );
}

function bars(): Partial<uPlot.Series> {
  const paths = uPlot.paths.bars?.({ size: [0.7, 26], radius: 0.15 });
  return paths ? { paths } : {};
}

/** An axis has no room for words and zeros: "3 deployments" is 3, "2h 00m" is 2h. */
const axisText = (text: string) => text.replace(/ deployments?$/, '').replace(/ 0+[hms]$/, '').replace(/^0 ms$/, '0');
