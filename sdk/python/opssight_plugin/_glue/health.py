from wit_world.exports import opssight_plugin_health_1_0_0 as contract

from ..types import Report
from . import function, guarded


class Health:
    @guarded
    def check(self):
        report = function("health")()
        report = Report(report) if isinstance(report, str) else report
        return contract.Report(report.summary, list(report.attrs.items()))
