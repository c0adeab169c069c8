from wit_world.exports import opssight_plugin_costs_1_0_0 as contract

from ..types import CostRequest
from . import function, guarded


class Costs:
    @guarded
    def fetch(self, start_at, end_at, granularity, page):
        bill = function("costs")(CostRequest(start_at, end_at, granularity, page.cursor, page.limit))
        rows = bill.rows
        names = list(rows[0].columns) if rows else []
        return contract.CostPage(
            bill.currency,
            names,
            [[row.columns.get(name, "") for row in rows] for name in names],
            [row.billed_nanos for row in rows],
            [row.billed_nanos if row.effective_nanos is None else row.effective_nanos for row in rows],
            [row.start_at for row in rows],
            [row.end_at for row in rows],
            [list(row.tags.items()) for row in rows],
            bill.next,
        )
