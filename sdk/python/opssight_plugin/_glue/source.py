from wit_world.exports import opssight_plugin_source_1_0_0 as contract

from ..types import PullRequest
from . import feed, guarded, item_records


class Source:
    @guarded
    def pull(self, name, checkpoint, page):
        batch = feed(name)(PullRequest(checkpoint, page.cursor, page.limit))
        return contract.Batch(item_records(batch.items), batch.next, batch.checkpoint)
