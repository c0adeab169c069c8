import clsx from 'clsx';
import { LoaderCircle } from 'lucide-react';
import type { ComponentProps, ReactNode } from 'react';

type Look = 'primary' | 'plain' | 'quiet' | 'danger';

const LOOKS: Record<Look, string> = {
  primary: 'bg-accent-solid text-on-accent border-transparent hover:brightness-110',
  plain: 'bg-panel text-text border-line-strong hover:bg-hover',
  quiet: 'bg-transparent text-muted border-transparent hover:bg-hover hover:text-text',
  danger: 'bg-[#c01f2b] text-white border-transparent hover:brightness-110',
};

export const buttonClass = (look: Look = 'plain', small = false) =>
  clsx(
    'inline-flex items-center justify-center gap-1.5 rounded-[7px] border font-medium whitespace-nowrap select-none',
    'transition-colors disabled:opacity-55 disabled:cursor-not-allowed',
    small ? 'h-7 px-2 text-xs' : 'h-8 px-3 text-sm',
    LOOKS[look],
  );

/** A button. `busy` keeps its width and says so to screen readers. */
export function Button({
  look = 'plain',
  small = false,
  busy = false,
  icon,
  className,
  children,
  disabled,
  ...rest
}: ComponentProps<'button'> & { look?: Look; small?: boolean; busy?: boolean; icon?: ReactNode }) {
  return (
    <button
      type="button"
      {...rest}
      disabled={disabled || busy}
      aria-busy={busy || undefined}
      className={clsx(buttonClass(look, small), className)}
    >
      {busy ? <LoaderCircle size={14} className="spin" aria-hidden /> : icon}
      {children}
    </button>
  );
}

/** A button that is only an icon; its name is the label. */
export function IconButton({
  label,
  className,
  children,
  ...rest
}: ComponentProps<'button'> & { label: string; children: ReactNode }) {
  return (
    <button
      type="button"
      aria-label={label}
      title={label}
      {...rest}
      className={clsx(
        'inline-flex size-8 shrink-0 items-center justify-center rounded-[7px] text-muted transition-colors hover:bg-hover hover:text-text disabled:opacity-50',
        className,
      )}
    >
      {children}
    </button>
  );
}
