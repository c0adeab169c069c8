'use client';
import type { Run, RunAction } from '@opssight/client';
import { Ban, Play, RefreshCw, RotateCcw, Zap, type LucideIcon } from 'lucide-react';
import { useState } from 'react';
import { asProblem } from '@/lib/api';
import { Button } from '@/ui/button';
import { Confirm, type Danger } from '@/ui/confirm';
import { useToasts } from '@/ui/toast';
import { useRunAction } from './queries';
import { runTitle } from './run-row';

const icons: readonly (readonly [RegExp, LucideIcon])[] = [
  [/cancel|stop|abort/, Ban],
  [/rerun.*fail|retry/, RotateCcw],
  [/rerun|restart/, RefreshCw],
  [/approve|dispatch|start/, Play],
];

function IconOf({ name }: { name: string }) {
  const Icon = icons.find(([pattern]) => pattern.test(name))?.[1] ?? Zap;
  return <Icon size={14} aria-hidden />;
}

const dangerOf = (action: RunAction): Danger =>
  action.danger === 'safe' || action.danger === 'caution' ? action.danger : 'danger';

/** What can be done to a run now. What is safe happens at once; the rest asks first. */
export function RunActions({ run, actions }: { run: Run; actions: RunAction[] }) {
  const [asking, setAsking] = useState<RunAction>();
  const toasts = useToasts();
  const act = useRunAction(run.id);

  const perform = (action: RunAction) =>
    act.mutate(action.name, {
      onSuccess: () => {
        setAsking(undefined);
        toasts.good(`${action.title}: accepted`, 'The page follows what happens.');
      },
      onError: (error) => {
        if (dangerOf(action) === 'safe') toasts.bad(`${action.title} did not work`, asProblem(error).detail);
      },
    });

  if (actions.length === 0) return null;
  return (
    <>
      {actions.map((action) => (
        <Button
          key={action.name}
          icon={<IconOf name={action.name} />}
          title={action.description}
          className={dangerOf(action) === 'danger' ? 'text-bad!' : undefined}
          busy={act.isPending && act.variables === action.name}
          onClick={() => {
            act.reset();
            if (dangerOf(action) === 'safe') perform(action);
            else setAsking(action);
          }}
        >
          {action.title}
        </Button>
      ))}
      {asking && (
        <Confirm
          title={`${asking.title}?`}
          action={asking.title}
          danger={dangerOf(asking)}
          busy={act.isPending}
          error={act.error ? asProblem(act.error).detail : undefined}
          onConfirm={() => perform(asking)}
          onClose={() => setAsking(undefined)}
        >
          <p>{asking.description}</p>
          <p className="text-text">
            {runTitle(run)} <span className="text-muted">· {run.service}</span>
          </p>
        </Confirm>
      )}
    </>
  );
}
