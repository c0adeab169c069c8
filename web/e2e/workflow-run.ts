import { randomInt } from 'node:crypto';
import { createRequire } from 'node:module';

type Example = { name: string; examples: { action?: string; workflow_run?: Record<string, unknown>; repository?: unknown }[] };

const examples = createRequire(__filename)('@octokit/webhooks-examples') as Example[] | { default: Example[] };
const list = Array.isArray(examples) ? examples : examples.default;
const completed = list
  .find(({ name }) => name === 'workflow_run')
  ?.examples.find((example) => example.action === 'completed' && example.workflow_run?.['status'] === 'completed');

/** A run as GitHub tells of it, made from a real delivery: its own id and title, and now. */
export class WorkflowRun {
  readonly id = 9_000_000_000 + randomInt(1_000_000_000);
  private readonly created = new Date(Date.now() - 5_000);

  constructor(readonly title: string) {}

  event(action: 'requested' | 'in_progress' | 'completed', conclusion: string | null = null): unknown {
    if (!completed?.workflow_run) throw new Error('the package of example deliveries holds no workflow run');
    const iso = (date: Date) => date.toISOString().replace(/\.\d+Z$/, 'Z');
    return {
      ...completed,
      action,
      workflow_run: {
        ...completed.workflow_run,
        id: this.id,
        name: 'End to end',
        display_title: this.title,
        head_commit: { ...(completed.workflow_run['head_commit'] as object), message: this.title },
        run_attempt: 1,
        status: { requested: 'queued', in_progress: 'in_progress', completed: 'completed' }[action],
        conclusion,
        created_at: iso(this.created),
        run_started_at: iso(this.created),
        updated_at: iso(new Date()),
      },
    };
  }
}
