import type { CredentialForm, CredentialInput } from '@opssight/client';

/** What is filled in for one credential: the chosen scheme and its inputs. */
export type CredentialDraft = { scheme: string; inputs: Record<string, string> };
export type CredentialDrafts = Record<string, CredentialDraft>;

export function initialDrafts(forms: readonly CredentialForm[]): CredentialDrafts {
  return Object.fromEntries(forms.map((form) => [form.name, { scheme: form.schemes[0]?.scheme ?? '', inputs: {} }]));
}

const schemeOf = (form: CredentialForm, draft: CredentialDraft | undefined) =>
  form.schemes.find(({ scheme }) => scheme === draft?.scheme) ?? form.schemes[0];

/** Schemes that verify deliveries: what is left empty, the host makes. */
const FOR_DELIVERIES = ['hmac-sha256', 'token-header', 'standard-webhooks', 'url-token'];

/** May all inputs stay empty? An optional credential may; so may a webhook secret, which the host then makes. */
export const mayBeEmpty = (form: CredentialForm) =>
  form.optional || form.schemes.every(({ scheme }) => FOR_DELIVERIES.includes(scheme));

/**
 * The credentials to send, or what is wrong, by "/<credential>/inputs/<input>". A credential that is left empty is
 * not sent: on a new connection only where that is allowed, on an old one it means "as it is".
 */
export function credentialsOf(
  forms: readonly CredentialForm[],
  drafts: CredentialDrafts,
  isNew: boolean,
): { credentials: Record<string, CredentialInput>; problems: Record<string, string> } {
  const credentials: Record<string, CredentialInput> = {};
  const problems: Record<string, string> = {};
  for (const form of forms) {
    const scheme = schemeOf(form, drafts[form.name]);
    if (!scheme) continue;
    const typed = drafts[form.name]?.inputs ?? {};
    const filled = scheme.inputs.filter((input) => typed[input.name]?.trim());
    if (filled.length === 0 && (!isNew || mayBeEmpty(form))) continue;
    for (const input of scheme.inputs) {
      if (!input.optional && !typed[input.name]?.trim()) problems[`/${form.name}/inputs/${input.name}`] = 'This is needed.';
    }
    credentials[form.name] = {
      scheme: scheme.scheme,
      // A pasted token often brings a line break along; a PEM file needs its own.
      inputs: Object.fromEntries(scheme.inputs.map(({ name, multiline }) => [name, multiline ? (typed[name] ?? '').trim() + '\n' : (typed[name] ?? '').trim()])),
    };
  }
  return { credentials, problems };
}

/** "10.1.0.0/16, fd00::/8" -> networks, or the first that is not one. The server checks for good. */
export function networksOf(typed: string): { networks: string[]; problem?: string } {
  const networks = typed.split(/[\s,]+/).filter(Boolean);
  const wrong = networks.find((network) => !/^([0-9.]+|[0-9a-f:.]+)\/\d{1,3}$/i.test(network));
  return wrong ? { networks, problem: `“${wrong}” is not a network like 10.1.0.0/16.` } : { networks };
}
