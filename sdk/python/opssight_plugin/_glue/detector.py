import json

from wit_world.exports import opssight_plugin_detector_1_0_0 as contract

from ..types import Series
from . import function, guarded


class Detector:
    @guarded
    def detect(self, raw, params):
        series = [Series(one.name, dict(one.labels), list(one.ts), list(one.values)) for one in raw]
        configured = json.loads(params) if params.strip() else {}
        return [
            contract.Finding(
                found.series_index,
                found.start_at,
                found.end_at,
                found.score,
                found.kind,
                found.explanation,
                list(found.attrs.items()),
            )
            for found in function("detector")(series, configured)
        ]
