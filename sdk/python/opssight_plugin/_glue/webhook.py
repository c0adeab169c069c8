from wit_world.exports import opssight_plugin_webhook_1_0_0 as contract

from ..types import Delivery
from . import function, guarded, item_records


class Webhook:
    @guarded
    def receive(self, raw):
        reception = function("webhook")(Delivery(dict(raw.headers), raw.body, raw.received_at))
        return contract.Reception(item_records(reception.items), reception.note)
