"""What a plugin may be: functions, registered by kind. What is not registered is not exported by the component."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from .types import (
    Batch,
    CostPage,
    CostRequest,
    Delivery,
    Finding,
    InventoryPage,
    Invocation,
    Notification,
    Outcome,
    PageRequest,
    PullRequest,
    Receipt,
    Reception,
    Report,
    Series,
)

F = TypeVar("F", bound=Callable[..., Any])

KINDS = ["health", "source", "webhook", "actions", "notifier", "costs", "inventory", "detector"]


class Plugin:
    """The functions of one plugin. `plugin = Plugin()` in `src/plugin.py` is where the build looks."""

    def __init__(self) -> None:
        self._functions: dict[str, Callable[..., Any]] = {}
        self._feeds: dict[str, Callable[[PullRequest], Batch]] = {}
        self._actions: dict[str, Callable[[Invocation], Outcome]] = {}

    def health(self, function: Callable[[], Report | str]) -> Callable[[], Report | str]:
        """Ask the upstream something cheap that proves the credential and the settings. A text is the summary."""
        return self._register("health", function)

    def webhook(self, function: Callable[[Delivery], Reception]) -> Callable[[Delivery], Reception]:
        """Turn a verified delivery into items."""
        return self._register("webhook", function)

    def feed(self, name: str) -> Callable[[F], F]:
        """Pull one page of a feed that the manifest declares: `PullRequest` to `Batch`."""
        return self._table(self._feeds, "feed", name)

    def action(self, name: str) -> Callable[[F], F]:
        """Do an action that the manifest declares: `Invocation` to `Outcome`."""
        return self._table(self._actions, "action", name)

    def notifier(self, function: Callable[[Notification, str], Receipt]) -> Callable[[Notification, str], Receipt]:
        """Tell people, one notification at a time: a failure of one does not keep the others back."""
        return self._register("notifier", function)

    def costs(self, function: Callable[[CostRequest], CostPage]) -> Callable[[CostRequest], CostPage]:
        """One page of a stretch of bills."""
        return self._register("costs", function)

    def inventory(
        self, function: Callable[[str, PageRequest], InventoryPage]
    ) -> Callable[[str, PageRequest], InventoryPage]:
        """One page of the resources of a scope."""
        return self._register("inventory", function)

    def detector(
        self, function: Callable[[list[Series], dict[str, Any]], list[Finding]]
    ) -> Callable[[list[Series], dict[str, Any]], list[Finding]]:
        """Look at series. There is no network here. The second parameter is the detector's configuration."""
        return self._register("detector", function)

    def kinds(self) -> list[str]:
        """What it is, by what was registered."""
        there = set(self._functions)
        there.update(["source"] if self._feeds else [], ["actions"] if self._actions else [])
        return [kind for kind in KINDS if kind in there]

    def _register(self, kind: str, function: F) -> F:
        if kind in self._functions:
            raise ValueError(f"{kind} is registered twice")
        self._functions[kind] = function
        return function

    def _table(self, table: dict[str, Any], what: str, name: str) -> Callable[[F], F]:
        def register(function: F) -> F:
            if name in table:
                raise ValueError(f"the {what} {name} is registered twice")
            table[name] = function
            return function

        return register
