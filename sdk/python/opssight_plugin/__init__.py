"""Write OpsSight plugins in Python.

A plugin is one WebAssembly component. It says what it is by the functions that it registers with a `Plugin`; what it
may ask of the host has a module each: `http`, `log`, `settings`, `state`, `time`. A module that is not imported by the
plugin is not imported by the built component, and what is not imported cannot be done: that is how an operator's
consent is computed from the bytes.

    from opssight_plugin import Plugin, Reception, fail, item, items

    plugin = Plugin()

    @plugin.webhook
    def receive(delivery):
        build = delivery.json()
        run = items.PipelineRun(id=str(build["id"]), attempt=1, service=build["project"])
        return Reception([item(run, id=run.id, at=delivery.received_at, title=f"#{run.id}")])
"""

from . import items
from .failure import PluginFailure, fail
from .plugin import Plugin
from .types import (
    Batch,
    CostPage,
    CostRequest,
    CostRow,
    Delivery,
    Finding,
    InventoryPage,
    Invocation,
    Item,
    Notification,
    Outcome,
    PageRequest,
    PullRequest,
    Receipt,
    Reception,
    Report,
    Series,
    item,
)

__all__ = [
    "Batch", "CostPage", "CostRequest", "CostRow", "Delivery", "Finding", "InventoryPage", "Invocation", "Item",
    "Notification", "Outcome", "PageRequest", "Plugin", "PluginFailure", "PullRequest", "Receipt", "Reception", "Report",
    "Series", "fail", "item", "items",
]
