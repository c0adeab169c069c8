"""Failures: what the host does next is decided by the class alone."""

from __future__ import annotations

from typing import Literal, NoReturn

FailureClass = Literal["config", "auth", "rate-limited", "upstream", "not-found", "unsupported", "internal"]
"""config: a person must change the settings. auth: a person must renew the credential. rate-limited: the upstream asked
for patience. upstream: it failed or could not be reached; the host tries again. not-found and unsupported: the host does
not try again. internal: the plugin itself failed."""


class PluginFailure(Exception):
    """A failure in the contract's words. `fail` raises it."""

    def __init__(
        self,
        failure_class: FailureClass,
        code: str,
        message: str,
        *,
        retry_after_ms: int | None = None,
        attrs: dict[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.failure_class = failure_class
        self.code = code
        self.message = message
        self.retry_after_ms = retry_after_ms
        self.attrs = attrs or {}


def fail(
    failure_class: FailureClass,
    code: str,
    message: str,
    *,
    retry_after_ms: int | None = None,
    attrs: dict[str, str] | None = None,
) -> NoReturn:
    """Give up. `code` is for machines and starts with the plugin's name ("my-ci.bad-payload"); `message` is one sentence
    for a person: what failed, where, and what would mend it. Never put a secret in it."""
    raise PluginFailure(failure_class, code, message, retry_after_ms=retry_after_ms, attrs=attrs)
