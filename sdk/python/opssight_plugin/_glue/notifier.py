from componentize_py_types import Ok
from wit_world.exports import opssight_plugin_notifier_1_0_0 as contract

from ..types import Notification
from . import failure, function


class Notifier:
    def send(self, target, batch):
        return [_send(target, raw) for raw in batch]


def _send(target, raw):
    try:
        notification = Notification(
            raw.id, raw.title, raw.body_md, raw.severity, raw.at, raw.url, raw.group_key, raw.resolved, dict(raw.attrs)
        )
        receipt = function("notifier")(notification, target)
        return Ok(contract.Receipt(receipt.upstream_id, list(receipt.attrs.items())))
    except Exception as error:
        return failure(error)
