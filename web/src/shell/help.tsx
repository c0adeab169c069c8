'use client';
import { Dialog } from '@/ui/dialog';
import { SHORTCUTS } from './shortcuts';

export function Help({ onClose }: { onClose: () => void }) {
  return (
    <Dialog title="Keyboard shortcuts" onClose={onClose} wide>
      <div className="grid gap-6 p-4 sm:grid-cols-2">
        {SHORTCUTS.map(({ group, keys }) => (
          <section key={group}>
            <h3 className="mb-2 text-xs font-medium text-faint">{group}</h3>
            <dl className="space-y-1.5">
              {keys.map(([combo, does]) => (
                <div key={combo} className="flex items-center justify-between gap-4 text-sm">
                  <dt className="order-2 flex gap-1">
                    {combo.split(' ').map((key) => (
                      <kbd key={key} className="min-w-5 rounded border border-line-strong bg-sunken px-1.5 text-center text-xs leading-5">
                        {key}
                      </kbd>
                    ))}
                  </dt>
                  <dd>{does}</dd>
                </div>
              ))}
            </dl>
          </section>
        ))}
      </div>
    </Dialog>
  );
}
