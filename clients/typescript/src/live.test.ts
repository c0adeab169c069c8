import { describe, expect, it } from 'vitest';
import { SseParser, followLive, type LiveState, type SseMessage } from './live';

describe('SseParser', () => {
  const cases: [string, string[], SseMessage[]][] = [
    ['one event', ['id: 7\nevent: x\ndata: {"a":1}\n\n'], [{ id: '7', event: 'x', data: '{"a":1}' }]],
    ['lines split anywhere', ['da', 'ta: a\n', 'data:b', '\n\n'], [{ id: undefined, event: 'message', data: 'a\nb' }]],
    ['CRLF split between chunks', ['data: a\r', '\n\r', '\n'], [{ id: undefined, event: 'message', data: 'a' }]],
    ['comments and unknown fields', [': ping\nfoo: 1\n\ndata: a\n\n'], [{ id: undefined, event: 'message', data: 'a' }]],
    ['an event without data is none', ['event: x\n\n'], []],
    ['the id stays', ['id: 1\ndata: a\n\ndata: b\n\n'], [
      { id: '1', event: 'message', data: 'a' },
      { id: '1', event: 'message', data: 'b' },
    ]],
  ];
  it.each(cases)('%s', (_, chunks, expected) => {
    const parser = new SseParser();
    expect(chunks.flatMap((chunk) => parser.push(chunk))).toEqual(expected);
  });

  it('remembers the reconnection time', () => {
    const parser = new SseParser();
    parser.push('retry: 2500\n');
    expect(parser.retry).toBe(2500);
  });
});

function body(...chunks: string[]): Response {
  const encoder = new TextEncoder();
  return new Response(
    new ReadableStream({
      start(controller) {
        for (const chunk of chunks) controller.enqueue(encoder.encode(chunk));
        controller.close();
      },
    }),
  );
}

/** Runs the follower against a list of answers; resolves when they are used up. */
async function follow(answers: (Response | Error)[]) {
  const asked: (string | null)[] = [];
  const messages: SseMessage[] = [];
  const states: LiveState[] = [];
  let done!: () => void;
  const finished = new Promise<void>((resolve) => (done = resolve));
  const handle = followLive({
    url: 'http://x/live',
    backoffMs: () => 0,
    onMessage: (message) => messages.push(message),
    onState: (state) => {
      states.push(state);
      if (state === 'signed-out') done();
    },
    fetch: (async (_: unknown, init: RequestInit) => {
      asked.push(new Headers(init.headers).get('last-event-id'));
      const answer = answers.shift();
      if (!answer) {
        done();
        return new Promise(() => undefined);
      }
      if (answer instanceof Error) throw answer;
      return answer;
    }) as typeof fetch,
  });
  await finished;
  handle.stop();
  return { asked, messages, states };
}

describe('followLive', () => {
  it('resumes after the last event it saw, through errors of every kind', async () => {
    const { asked, messages } = await follow([
      body('id: 1\ndata: a\n\n', 'id: 2\ndata: b\n\n'),
      new TypeError('network'),
      new Response('busy', { status: 503 }),
      body('id: 3\ndata: c\n\n'),
    ]);
    expect(asked).toEqual([null, '2', '2', '2', '3']);
    expect(messages.map((message) => message.data)).toEqual(['a', 'b', 'c']);
  });

  it('stops asking when the session is gone', async () => {
    const { asked, states } = await follow([new Response('', { status: 401 }), body('id: 9\ndata: x\n\n')]);
    expect(asked).toHaveLength(1);
    expect(states).toEqual(['connecting', 'signed-out']);
  });
});
