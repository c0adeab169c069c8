import type { components, paths } from './schema';

type Schemas = components['schemas'];

export type Ability = Schemas['Ability'];
export type AbilityChange = Schemas['AbilityChange'];
export type ApiKey = Schemas['ApiKey'];
export type Attempt = Schemas['Attempt'];
export type CatalogueEntry = Schemas['CatalogueEntry'];
export type CataloguePackage = Schemas['CataloguePackage'];
export type Change = Schemas['Change'];
export type CheckResult = Schemas['CheckResult'];
export type Connection = Schemas['Connection'];
/** What is absent stays as it is. (The generator takes a field with a default for one that is always there.) */
export type ConnectionPatch = Partial<Schemas['ConnectionPatch']>;
export type CredentialForm = Schemas['CredentialForm'];
export type CredentialState = Schemas['CredentialState'];
export type CredentialInput = Schemas['CredentialInput'];
export type CriticalStep = Schemas['CriticalStep'];
export type Delivery = Schemas['Delivery'];
export type DeliveryDetail = Schemas['DeliveryDetail'];
export type DeliveryMetrics = Schemas['DeliveryMetrics'];
export type DeliveryReport = Schemas['DeliveryReport'];
export type DeliverySeries = Schemas['DeliverySeries'];
export type DeliveryState = Schemas['DeliveryState'];
export type Deployment = Schemas['Deployment'];
export type DeploymentOutcome = Schemas['DeploymentOutcome'];
export type Evidence = Schemas['Evidence'];
export type Feed = Schemas['Feed'];
export type FeedStatus = Schemas['FeedStatus'];
export type FieldProblem = Schemas['FieldProblem'];
export type FlakyJob = Schemas['FlakyJob'];
export type Grants = Schemas['Grants'];
export type Inspection = Schemas['Inspection'];
/** How an installation went. */
export type InstalledPackage = Schemas['Installed'];
export type Invitation = Schemas['Invitation'];
export type Job = Schemas['Job'];
export type LiveEvent = Schemas['LiveEvent'];
export type MadeApiKey = Schemas['MadeApiKey'];
export type MadeInvitation = Schemas['MadeInvitation'];
export type Me = Schemas['Me'];
export type NewApiKey = Schemas['NewApiKey'];
export type NewConnection = Schemas['NewConnection'];
export type NewInvitation = Schemas['NewInvitation'];
export type NewPassword = Schemas['NewPassword'];
export type Overview = Schemas['Overview'];
export type OwnSession = Schemas['OwnSession'];
export type Person = Schemas['Person'];
/** What is absent stays as it is. */
export type PersonPatch = Partial<Schemas['PersonPatch']>;
export type Pipeline = Schemas['Pipeline'];
export type PipelineBar = Schemas['PipelineBar'];
export type Plugin = Schemas['Plugin'];
export type PluginEvent = Schemas['PluginEvent'];
export type Problem = Schemas['Problem'];
export type Role = Schemas['Role'];
export type Run = Schemas['Run'];
export type RunAction = Schemas['RunAction'];
export type RunDetail = Schemas['RunDetail'];
export type RunResult = Schemas['RunResult'];
export type RunState = Schemas['RunState'];
export type Shadow = Schemas['Shadow'];
export type Step = Schemas['Step'];
export type Version = Schemas['PluginVersion'];
export type VersionName = Schemas['VersionName'];

/** The filters that an operation takes. */
export type QueryOf<P extends keyof paths> = paths[P] extends { get: { parameters: { query?: infer Q } } }
  ? NonNullable<Q>
  : never;

export type RunQuery = QueryOf<'/api/v1/runs'>;
export type DeliveryQuery = QueryOf<'/api/v1/deliveries'>;
export type DeploymentQuery = QueryOf<'/api/v1/deployments'>;
export type ChangeQuery = QueryOf<'/api/v1/changes'>;
export type MetricsQuery = QueryOf<'/api/v1/delivery/metrics'>;

/** One of the five DORA metrics. */
export type Metric =
  | 'deployment_frequency'
  | 'change_lead_time'
  | 'change_fail_rate'
  | 'failed_deployment_recovery_time'
  | 'deployment_rework_rate';
