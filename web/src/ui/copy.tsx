'use client';
import { Check, Copy } from 'lucide-react';
import { useEffect, useRef, useState } from 'react';

/** Copies, also where the clipboard API is closed to plain http. */
async function copyText(text: string): Promise<void> {
  if (navigator.clipboard && window.isSecureContext) return navigator.clipboard.writeText(text);
  const area = document.createElement('textarea');
  area.value = text;
  area.style.position = 'fixed';
  area.style.opacity = '0';
  // Inside an open modal dialog everything else is inert and cannot be selected.
  (document.querySelector('dialog[open]') ?? document.body).append(area);
  area.select();
  document.execCommand('copy');
  area.remove();
}

/** Copies a text and says that it did. */
export function CopyButton({ value, label = 'Copy', text }: { value: string; label?: string; text?: string }) {
  const [done, setDone] = useState(false);
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  useEffect(() => () => clearTimeout(timer.current), []);
  return (
    <button
      type="button"
      aria-label={text ? undefined : label}
      title={label}
      onClick={() => {
        void copyText(value).then(() => {
          setDone(true);
          clearTimeout(timer.current);
          timer.current = setTimeout(() => setDone(false), 1_500);
        });
      }}
      className="inline-flex h-6 min-w-6 shrink-0 items-center justify-center gap-1 rounded px-1 text-faint hover:bg-hover hover:text-text"
    >
      {done ? <Check size={13} className="text-good" aria-hidden /> : <Copy size={13} aria-hidden />}
      {text && <span className="text-xs">{done ? 'Copied' : text}</span>}
      <span role="status" className="sr-only">
        {done && 'Copied'}
      </span>
    </button>
  );
}
