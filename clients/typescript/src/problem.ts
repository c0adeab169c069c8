import type { FieldProblem, Problem } from './types';

/** An answer that is not the one asked for, as RFC 9457 describes it. */
export class ProblemError extends Error {
  readonly status: number;
  readonly title: string;
  readonly detail: string;
  readonly code: string | undefined;
  readonly fields: FieldProblem[];
  readonly requestId: string | undefined;

  constructor(problem: Partial<Problem> & { status: number }) {
    const title = problem.title || `HTTP ${problem.status}`;
    super(problem.detail || title);
    this.name = 'ProblemError';
    this.status = problem.status;
    this.title = title;
    this.detail = problem.detail || title;
    this.code = problem.code ?? undefined;
    this.fields = problem.fields ?? [];
    this.requestId = problem.request_id ?? undefined;
  }

  /** Builds the error from what a server answered; a proxy's HTML page becomes a problem too. */
  static from(response: Response, body: unknown): ProblemError {
    const header = response.headers.get('x-request-id') ?? undefined;
    if (isProblem(body)) return new ProblemError({ request_id: header, ...body, status: response.status });
    return new ProblemError({
      status: response.status,
      title: response.statusText || `HTTP ${response.status}`,
      detail: `the server answered with status ${response.status} and no explanation`,
      request_id: header,
    });
  }

  /** The network or the server was not there at all. */
  static offline(cause: unknown): ProblemError {
    const error = new ProblemError({
      status: 0,
      title: 'OpsSight cannot be reached',
      detail: 'The server did not answer. Check that it is running and that you are online.',
    });
    error.cause = cause;
    return error;
  }
}

/** Does this look like a problem document? */
export function isProblem(body: unknown): body is Problem {
  return typeof body === 'object' && body !== null && 'title' in body && 'detail' in body;
}
