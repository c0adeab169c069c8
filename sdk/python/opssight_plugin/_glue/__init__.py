"""Between a plugin and the contract's exports: one module per kind, because a world has only the types of its kinds."""

from __future__ import annotations

import functools
import json
import traceback
from collections.abc import Callable
from typing import Any

from componentize_py_types import Err
from wit_world.imports import opssight_plugin_types_1_0_0 as types

from ..failure import PluginFailure, fail
from ..plugin import Plugin
from ..types import Item

_bound: list[Plugin] = []


def bind(plugin: Plugin) -> None:
    """Said by the component's entry module, once."""
    _bound.append(plugin)


def function(kind: str) -> Callable[..., Any]:
    return _bound[0]._functions[kind]


def feed(name: str) -> Callable[..., Any]:
    return _bound[0]._feeds.get(name) or fail("unsupported", "plugin.no-feed", f'this plugin has no feed "{name}"')


def action(name: str) -> Callable[..., Any]:
    known = _bound[0]._actions.get(name)
    return known or fail("unsupported", "plugin.no-action", f'this plugin has no action "{name}"')


def failure(error: BaseException) -> Err[Any]:
    """Whatever was raised, as the host takes it. What nobody meant to raise is the plugin's own failure."""
    if isinstance(error, Err) and isinstance(error.value, types.Failure):
        return error
    if isinstance(error, PluginFailure):
        failure_class = types.FailureClass[error.failure_class.upper().replace("-", "_")]
        attrs = list(error.attrs.items())
        return Err(types.Failure(failure_class, error.code, error.message, error.retry_after_ms, attrs))
    frames = traceback.extract_tb(error.__traceback__)
    attrs = [("exception.place", f"{frames[-1].filename}:{frames[-1].lineno}")] if frames else []
    message = f"{type(error).__name__}: {error}"
    return Err(types.Failure(types.FailureClass.INTERNAL, "plugin.exception", message, None, attrs))


def guarded(work: Callable[..., Any]) -> Callable[..., Any]:
    """A failure leaves a function of the contract as an `Err`."""

    @functools.wraps(work)
    def guard(*parameters: Any) -> Any:
        try:
            return work(*parameters)
        except Exception as error:
            raise failure(error) from None

    return guard


def item_record(item: Item) -> Any:
    payload = b"" if item.payload is None else json.dumps(item.payload, separators=(",", ":")).encode()
    return types.Item(item.id, item.kind, int(item.at), item.title, item.url, list(item.attrs.items()), payload)


def item_records(items: list[Item]) -> list[Any]:
    return [item_record(item) for item in items]
