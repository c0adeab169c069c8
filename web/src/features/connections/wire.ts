/** A connection is replaced only as it was seen: whoever was quicker is told of, not overwritten. */
import { must, ProblemError, type Client, type Connection, type ConnectionPatch, type Grants } from '@opssight/client';

/** A connection and its `ETag`, which says on a change what it was made from. */
export type Seen = { connection: Connection; tag: string | undefined };

export async function showConnection(client: Client, id: string, signal?: AbortSignal): Promise<Seen> {
  const answer = await client.GET('/api/v1/connections/{id}', { params: { path: { id } }, signal });
  const connection = await must(Promise.resolve(answer));
  return { connection, tag: answer.response.headers.get('etag') ?? undefined };
}

/** With a tag, only if nobody changed it since; settings and grants are replaced as a whole and should have one. */
export const changeConnection = (client: Client, id: string, patch: ConnectionPatch, tag?: string): Promise<Connection> =>
  must(
    client.PATCH('/api/v1/connections/{id}', {
      params: { path: { id }, header: { 'If-Match': tag } },
      body: patch as Required<ConnectionPatch>,
    }),
  );

/** Somebody else changed the thing since it was shown; nothing was written. */
export const isOvertaken = (error: unknown): boolean => error instanceof ProblemError && error.status === 412;

/** One switch that was set: an ability is given or withheld. */
export type Choice = { key: string; says: string; given: boolean };

/** The grants with these choices made, and everything else as it is. */
export function chosen(grants: Grants, choices: readonly Choice[]): Grants {
  const withheld = new Set(grants.withheld ?? []);
  for (const { key, given } of choices) {
    if (given) withheld.delete(key);
    else withheld.add(key);
  }
  return { ...grants, withheld: [...withheld] };
}

/** Make choices on the connection as it was seen, or as it is now when it was not. */
export async function choose(client: Client, id: string, choices: readonly Choice[], seen?: Seen): Promise<Connection> {
  const { connection, tag } = seen ?? (await showConnection(client, id));
  return changeConnection(client, id, { grants: chosen(connection.grants, choices) }, tag);
}

/** The choices that still wait after one more: the last word on each ability, in the order in which they were made. */
export const alsoWaiting = (waiting: readonly Choice[], more: readonly Choice[]): Choice[] => [
  ...waiting.filter(({ key }) => !more.some((choice) => choice.key === key)),
  ...more,
];
