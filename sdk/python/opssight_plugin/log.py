"""Levelled log lines. The host limits their rate and size and tags them with plugin, version, connection and call."""

from __future__ import annotations

from wit_world.imports import opssight_plugin_log_1_0_0 as _host


def debug(message: str, **fields: str) -> None:
    _host.log(_host.Level.DEBUG, message, list(fields.items()))


def info(message: str, **fields: str) -> None:
    _host.log(_host.Level.INFO, message, list(fields.items()))


def warn(message: str, **fields: str) -> None:
    _host.log(_host.Level.WARN, message, list(fields.items()))


def error(message: str, **fields: str) -> None:
    _host.log(_host.Level.ERROR, message, list(fields.items()))
