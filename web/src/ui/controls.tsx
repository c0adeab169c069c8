'use client';
import clsx from 'clsx';
import { Search, X } from 'lucide-react';
import { useEffect, useRef, useState, type KeyboardEvent, type ReactNode } from 'react';

/** A filter with a fixed list of values; '' means all. */
export function FilterSelect({
  label,
  value,
  onChange,
  options,
  all,
  className,
}: {
  label: string;
  value: string;
  onChange: (value: string) => void;
  options: readonly (readonly [value: string, text: string])[];
  /** Text for "no filter"; left out where one must be chosen. */
  all?: string;
  className?: string;
}) {
  // A value from the address that the list does not know (yet) must still show.
  const known = value === '' || options.some(([option]) => option === value);
  return (
    <select
      aria-label={label}
      value={value}
      onChange={(event) => onChange(event.target.value)}
      className={clsx('field max-w-full', value && all !== undefined && 'border-accent! text-accent', className)}
    >
      {all !== undefined && <option value="">{all}</option>}
      {!known && <option value={value}>{value}</option>}
      {options.map(([option, text]) => (
        <option key={option} value={option}>
          {text}
        </option>
      ))}
    </select>
  );
}

/** A text filter: reports after a pause, follows the address when that changes under it, focused by "/". */
export function FilterText({
  label,
  value,
  onChange,
  placeholder,
  search = false,
  className,
}: {
  label: string;
  value: string;
  onChange: (value: string) => void;
  placeholder?: string;
  /** The page's main search: gets the "/" key and the magnifier. */
  search?: boolean;
  className?: string;
}) {
  const [text, setText] = useState(value);
  const [shown, setShown] = useState(value);
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  if (shown !== value) {
    setShown(value);
    setText(value);
  }
  useEffect(() => () => clearTimeout(timer.current), []);
  const report = (next: string, at: number) => {
    setText(next);
    clearTimeout(timer.current);
    timer.current = setTimeout(() => {
      setShown(next.trim());
      onChange(next.trim());
    }, at);
  };
  return (
    <div className={clsx('relative', className)}>
      {search && <Search size={14} className="pointer-events-none absolute top-2.5 left-2.5 text-faint" aria-hidden />}
      <input
        type="text"
        enterKeyHint="search"
        aria-label={label}
        placeholder={placeholder}
        data-search={search || undefined}
        value={text}
        onChange={(event) => report(event.target.value, 250)}
        onKeyDown={(event: KeyboardEvent<HTMLInputElement>) => {
          if (event.key === 'Enter') report(text, 0);
          if (event.key === 'Escape') {
            if (text) report('', 0);
            else event.currentTarget.blur();
          }
        }}
        className={clsx('field w-full', search && 'pl-8', text && 'pr-7')}
      />
      {text && (
        <button
          type="button"
          aria-label={`Clear ${label.toLowerCase()}`}
          onClick={() => report('', 0)}
          className="absolute top-1 right-1 flex size-6 items-center justify-center rounded text-faint hover:text-text"
        >
          <X size={13} aria-hidden />
        </button>
      )}
    </div>
  );
}

/** Tabs whose choice lives in the address. Arrow keys move between them. */
export function Tabs({
  label,
  value,
  onChange,
  tabs,
}: {
  label: string;
  value: string;
  onChange: (value: string) => void;
  tabs: readonly { value: string; text: ReactNode }[];
}) {
  const list = useRef<HTMLDivElement>(null);
  const move = (event: KeyboardEvent) => {
    const step = event.key === 'ArrowRight' ? 1 : event.key === 'ArrowLeft' ? -1 : 0;
    if (!step) return;
    event.preventDefault();
    const at = tabs.findIndex((tab) => tab.value === value);
    const next = (at + step + tabs.length) % tabs.length;
    onChange(tabs[next]?.value ?? value);
    list.current?.querySelectorAll<HTMLElement>('[role=tab]')[next]?.focus();
  };
  return (
    <div ref={list} role="tablist" aria-label={label} onKeyDown={move} className="mb-4 flex gap-1 overflow-x-auto border-b border-line">
      {tabs.map((tab) => (
        <button
          key={tab.value}
          type="button"
          role="tab"
          id={`tab-${tab.value}`}
          aria-selected={tab.value === value}
          aria-controls={tab.value === value ? 'tab-panel' : undefined}
          tabIndex={tab.value === value ? 0 : -1}
          onClick={() => onChange(tab.value)}
          className={clsx(
            '-mb-px border-b-2 px-2.5 py-1.5 text-sm font-medium whitespace-nowrap focus-visible:-outline-offset-2',
            tab.value === value ? 'border-accent text-text' : 'border-transparent text-muted hover:text-text',
          )}
        >
          {tab.text}
        </button>
      ))}
    </div>
  );
}

/** A choice of few, side by side. */
export function Segmented<T extends string>({
  label,
  value,
  onChange,
  options,
}: {
  label: string;
  value: T;
  onChange: (value: T) => void;
  options: readonly { value: T; text: ReactNode; title?: string }[];
}) {
  return (
    <div role="group" aria-label={label} className="inline-flex rounded-[7px] border border-line bg-sunken p-0.5">
      {options.map((option) => (
        <button
          key={option.value}
          type="button"
          aria-pressed={option.value === value}
          title={option.title}
          aria-label={option.title}
          onClick={() => onChange(option.value)}
          className={clsx(
            'inline-flex h-6.5 min-w-7 items-center justify-center gap-1 rounded-[5px] px-2 text-xs font-medium',
            option.value === value ? 'bg-raised text-text shadow-[0_0_0_1px_var(--line-strong)]' : 'text-muted hover:text-text',
          )}
        >
          {option.text}
        </button>
      ))}
    </div>
  );
}

/** An on/off switch with its words. Where several stand on a page, `of` says of what this one is. */
export function Switch({
  label,
  of,
  checked,
  onChange,
  disabled,
}: {
  label: string;
  of?: string;
  checked: boolean;
  onChange: (checked: boolean) => void;
  disabled?: boolean;
}) {
  return (
    <label className="inline-flex items-center gap-2 text-sm">
      <input
        type="checkbox"
        role="switch"
        aria-label={of && `${label}: ${of}`}
        className="peer sr-only"
        checked={checked}
        disabled={disabled}
        onChange={(event) => onChange(event.target.checked)}
      />
      <span
        aria-hidden
        className="relative h-4.5 w-8 rounded-full bg-line-strong transition-colors peer-checked:bg-accent-solid peer-focus-visible:outline-2 peer-focus-visible:outline-offset-2 peer-focus-visible:outline-accent after:absolute after:top-0.5 after:left-0.5 after:size-3.5 after:rounded-full after:bg-white after:transition-transform peer-checked:after:translate-x-3.5"
      />
      {label}
    </label>
  );
}
