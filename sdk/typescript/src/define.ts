import type {
  Batch, CostPage, CostRequest, Delivery, Finding, InventoryPage, Invocation, Notification, Outcome, PullRequest,
  Receipt, Reception, Report, Series,
} from "./types.ts";

/** What a plugin may be: any combination. A function that is not given is not exported by the component. */
export interface Plugin {
  /** Ask the upstream something cheap that proves the credential and the settings. A text is the summary. */
  health?(): Report | string;
  /** Turn a verified delivery into items. */
  webhook?(delivery: Delivery): Reception;
  /** One function for each feed that the manifest declares, by its name. */
  source?: Record<string, (request: PullRequest) => Batch>;
  /** One function for each action that the manifest declares, by its name. */
  actions?: Record<string, (invocation: Invocation<any>) => Outcome>;
  /** Tell people, one notification at a time: a failure of one does not keep the others back. */
  notifier?(notification: Notification, target: string): Receipt;
  /** One page of a stretch of bills. */
  costs?(request: CostRequest): CostPage;
  /** One page of the resources of a scope. */
  inventory?(scope: string, page: { cursor: string | undefined; limit: number }): InventoryPage;
  /** Look at series. There is no network here. `params` is the detector's configuration. */
  detector?(series: Series[], params: Record<string, unknown>): Finding[];
}

/** The default export of a plugin's entry file. */
export function definePlugin(plugin: Plugin): Plugin {
  return plugin;
}
