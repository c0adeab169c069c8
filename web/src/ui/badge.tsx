import clsx from 'clsx';
import type { CSSProperties, ReactNode } from 'react';

export type Tone = 'good' | 'bad' | 'busy' | 'wait' | 'odd' | 'idle' | 'accent';

/** The CSS variable that `.soft` and `.hatched` take their colour from. */
export const tone = (name: Tone): CSSProperties => ({ '--tone': `var(--${name})` }) as CSSProperties;

/** A short word with a colour. The word carries the meaning; the colour repeats it. */
export function Badge({
  tone: name = 'idle',
  icon,
  children,
  className,
  title,
}: {
  tone?: Tone;
  icon?: ReactNode;
  children: ReactNode;
  className?: string;
  title?: string;
}) {
  return (
    <span
      title={title}
      style={tone(name)}
      className={clsx('soft inline-flex h-5 shrink-0 items-center gap-1 rounded-[5px] px-1.5 text-xs font-medium whitespace-nowrap', className)}
    >
      {icon}
      {children}
    </span>
  );
}
