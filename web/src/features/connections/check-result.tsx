import type { CheckResult } from '@opssight/client';
import { CircleCheck, CircleX } from 'lucide-react';

/** Whose fault a failure is, in words that say where to look. */
export const FAULTS: Record<string, string> = {
  sender: 'the sender',
  plugin: 'the plugin',
  upstream: 'the upstream',
  policy: 'a rule of this host',
  host: 'this host',
};

export function CheckResultLine({ result }: { result: CheckResult }) {
  const ok = result.health === 'ok';
  return (
    <p role="status" className="flex items-start gap-2 text-sm">
      {ok ? <CircleCheck size={16} className="mt-0.5 shrink-0 text-good" aria-hidden /> : <CircleX size={16} className="mt-0.5 shrink-0 text-bad" aria-hidden />}
      <span className="min-w-0 break-words">
        {result.summary}
        {result.fault && <span className="text-muted"> (because of {FAULTS[result.fault] ?? result.fault})</span>}
      </span>
    </p>
  );
}
