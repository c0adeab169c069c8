import json

from wit_world.exports import opssight_plugin_actions_1_0_0 as contract

from ..types import Invocation
from . import action, guarded, item_records


class Actions:
    @guarded
    def run(self, raw):
        outcome = action(raw.name)(Invocation(json.loads(raw.input), raw.idempotency_key, raw.actor))
        return contract.Outcome(json.dumps(outcome.output), item_records(outcome.items))
