from wit_world.exports import opssight_plugin_inventory_1_0_0 as contract

from ..types import PageRequest
from . import function, guarded, item_records


class Inventory:
    @guarded
    def list_resources(self, scope, page):
        found = function("inventory")(scope, PageRequest(page.cursor, page.limit))
        return contract.InventoryPage(item_records(found.resources), found.next)
