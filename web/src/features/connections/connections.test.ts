import type { CredentialForm } from '@opssight/client';
import { describe, expect, it } from 'vitest';
import { credentialsOf, initialDrafts, networksOf } from './credentials';
import { parseMarkdown } from './markdown';
import { fieldsOf, initialValues, problemsUnder, settingsOf } from './schema-form';

const github = {
  type: 'object',
  required: ['base_url'],
  properties: {
    base_url: { type: 'string', title: 'API address', default: 'https://api.github.com', pattern: '^https?://[^/?#]+(/[^?#]*[^/?#])?$' },
    repositories: { type: 'array', items: { type: 'string', pattern: '^[A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+$' }, default: [], maxItems: 2 },
    backfill_days: { type: 'integer', default: 30, minimum: 0, maximum: 400 },
    jobs: { type: 'boolean', default: true },
    mode: { type: 'string', enum: ['all', 'main'] },
    parts: { type: 'array', items: { type: 'string', enum: ['runs', 'deployments'] } },
    level: { oneOf: [{ const: 'a', title: 'Some' }, { const: 'b', title: 'All' }] },
    proxy: { type: 'object', title: 'Proxy', properties: { host: { type: ['string', 'null'], format: 'uri' } } },
    labels: { type: 'object', additionalProperties: { type: 'string' } },
    pem: { type: 'string', format: 'textarea' },
  },
};

describe('the form of a schema', () => {
  const fields = fieldsOf(github);

  it('has a fitting control for every setting', () => {
    expect(fields.map(({ pointer, kind }) => [pointer, kind])).toEqual([
      ['/base_url', 'text'], ['/repositories', 'list'], ['/backfill_days', 'number'], ['/jobs', 'switch'], ['/mode', 'choice'],
      ['/parts', 'choices'], ['/level', 'choice'], ['/proxy/host', 'url'], ['/labels', 'json'], ['/pem', 'long-text'],
    ]);
    expect(fields.find(({ pointer }) => pointer === '/proxy/host')).toMatchObject({ group: 'Proxy', title: 'Host' });
    expect(fields.find(({ pointer }) => pointer === '/level')?.options).toEqual([{ value: 'a', text: 'Some' }, { value: 'b', text: 'All' }]);
  });

  it('gives the defaults back when nothing is changed', () => {
    expect(settingsOf(fields, initialValues(fields))).toEqual({
      settings: { base_url: 'https://api.github.com', repositories: [], backfill_days: 30, jobs: true, parts: [] },
      problems: {},
    });
  });

  it('reads what was typed', () => {
    const { settings, problems } = settingsOf(fields, {
      ...initialValues(fields),
      '/repositories': 'acme/web\n acme/api ,',
      '/backfill_days': ' 7 ',
      '/proxy/host': 'http://proxy:3128',
      '/labels': '{"team":"a"}',
    });
    expect(problems).toEqual({});
    expect(settings).toMatchObject({ repositories: ['acme/web', 'acme/api'], backfill_days: 7, proxy: { host: 'http://proxy:3128' }, labels: { team: 'a' } });
  });

  it.each([
    ['/base_url', '', 'needed'],
    ['/base_url', 'api.github.com', 'expected form'],
    ['/repositories', 'acme', '“acme”'],
    ['/repositories', 'a/a\nb/b\nc/c', 'At most 2'],
    ['/backfill_days', '1.5', 'whole'],
    ['/backfill_days', 'many', 'not a number'],
    ['/backfill_days', '500', 'At most 400'],
    ['/proxy/host', 'proxy', 'https://'],
    ['/labels', '{', 'valid JSON'],
  ])('%s: %j is told', (pointer, typed, told) => {
    expect(settingsOf(fields, { ...initialValues(fields), [pointer]: typed }).problems[pointer]).toContain(told);
  });

  it('starts from what is set already', () => {
    const [base] = fieldsOf(github, { base_url: 'https://ghe.example/api/v3' });
    expect(base?.initial).toBe('https://ghe.example/api/v3');
  });

  it('is empty for a schema without properties, and for nonsense', () => {
    expect(fieldsOf({ type: 'object' })).toEqual([]);
    expect(fieldsOf(null)).toEqual([]);
  });

  it('finds the field of a problem', () => {
    expect(problemsUnder('/settings', [{ at: '/settings/base_url', problem: 'x' }, { at: '/name', problem: 'y' }])).toEqual({ '/base_url': 'x' });
  });
});

const forms: CredentialForm[] = [
  {
    name: 'api', title: 'API', optional: false,
    schemes: [
      { scheme: 'bearer', title: 'Token', inputs: [{ name: 'token', title: 'Token', help: '', secret: true, multiline: false, optional: false }] },
      { scheme: 'jwt-bearer', title: 'App', inputs: [
        { name: 'app_id', title: 'App ID', help: '', secret: false, multiline: false, optional: false },
        { name: 'key', title: 'Key', help: '', secret: true, multiline: true, optional: false },
      ] },
    ],
  },
  { name: 'webhook', title: 'Webhook', optional: false, schemes: [
    { scheme: 'hmac-sha256', title: 'Secret', inputs: [{ name: 'secret', title: 'Secret', help: '', secret: true, multiline: false, optional: false }] },
  ] },
];

describe('credentials', () => {
  it('must be there for a new connection; the host makes the webhook secret', () => {
    expect(credentialsOf(forms, initialDrafts(forms), true).problems).toEqual({ '/api/inputs/token': 'This is needed.' });
  });
  it('stay as they are when left empty on an old one', () => {
    expect(credentialsOf(forms, initialDrafts(forms), false)).toEqual({ credentials: {}, problems: {} });
  });
  it('carry the chosen scheme, a trimmed token and a whole PEM', () => {
    const drafts = { ...initialDrafts(forms), api: { scheme: 'jwt-bearer', inputs: { app_id: ' 7\n', key: '-----BEGIN\nx\n-----END' } } };
    expect(credentialsOf(forms, drafts, true)).toEqual({
      credentials: { api: { scheme: 'jwt-bearer', inputs: { app_id: '7', key: '-----BEGIN\nx\n-----END\n' } } },
      problems: {},
    });
  });
  it('tell which input is missing', () => {
    const drafts = { api: { scheme: 'jwt-bearer', inputs: { app_id: '7' } } };
    expect(credentialsOf(forms, drafts, false).problems).toEqual({ '/api/inputs/key': 'This is needed.' });
  });
});

describe('inputs that may stay empty', () => {
  const input = { help: '', secret: true, multiline: false, optional: false };
  const aws: CredentialForm[] = [
    { name: 'aws', title: 'Keys', optional: false, schemes: [{ scheme: 'aws-sigv4', title: 'Access key', inputs: [
      { ...input, name: 'secret_access_key', title: 'Secret' },
      { ...input, name: 'session_token', title: 'Session token', optional: true },
    ] }] },
  ];
  it('are not asked for beside those that are needed', () => {
    const drafts = { aws: { scheme: 'aws-sigv4', inputs: { secret_access_key: 'k' } } };
    expect(credentialsOf(aws, drafts, true)).toEqual({
      credentials: { aws: { scheme: 'aws-sigv4', inputs: { secret_access_key: 'k', session_token: '' } } },
      problems: {},
    });
    expect(credentialsOf(aws, initialDrafts(aws), true).problems).toEqual({ '/aws/inputs/secret_access_key': 'This is needed.' });
  });
  it.each(['hmac-sha256', 'token-header', 'standard-webhooks', 'url-token'])('are all made by the host for %s', (scheme) => {
    const hook: CredentialForm[] = [
      { name: 'hook', title: 'Secret', optional: false, schemes: [{ scheme, title: 'Secret', inputs: [{ ...input, name: 'secret', title: 'Secret' }] }] },
    ];
    expect(credentialsOf(hook, initialDrafts(hook), true)).toEqual({ credentials: {}, problems: {} });
  });
});

describe('networks', () => {
  it.each([
    ['10.1.0.0/16, fd00::/8', ['10.1.0.0/16', 'fd00::/8'], false],
    ['', [], false],
    ['10.1.0.0', ['10.1.0.0'], true],
    ['intranet/8', ['intranet/8'], true],
  ])('%s', (typed, networks, wrong) => {
    const read = networksOf(typed);
    expect(read.networks).toEqual(networks);
    expect(Boolean(read.problem)).toBe(wrong);
  });
});

describe('a plugin\'s instructions', () => {
  it('know paragraphs, lists, bold, code and web links, and nothing else', () => {
    expect(parseMarkdown('Open **Settings**:\n\n- **URL**: `x`\n- [docs](https://a.b)\n- [bad](javascript:alert(1)) <b>')).toEqual([
      { kind: 'text', parts: [{ kind: 'plain', text: 'Open ' }, { kind: 'bold', text: 'Settings' }, { kind: 'plain', text: ':' }] },
      { kind: 'list', ordered: false, items: [
        [{ kind: 'bold', text: 'URL' }, { kind: 'plain', text: ': ' }, { kind: 'code', text: 'x' }],
        [{ kind: 'link', text: 'docs', href: 'https://a.b' }],
        [{ kind: 'plain', text: '[bad](javascript:alert(1)) <b>' }],
      ] },
    ]);
  });
});
