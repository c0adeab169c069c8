"""What every SDK makes of a text is the same: sdk/dates.json."""

import json
import unittest
from pathlib import Path

from opssight_plugin import dates

CASES = json.loads((Path(__file__).parents[2] / "dates.json").read_text())["cases"]
LAST = 253_402_300_799_000


class Dates(unittest.TestCase):
    def test_texts_are_read_as_every_sdk_reads_them(self) -> None:
        self.assertGreater(len(CASES), 50)
        for text, ms in CASES:
            self.assertEqual(dates.parse(text), ms, repr(text))
        self.assertIsNone(dates.parse(None))

    def test_what_is_written_is_read_back(self) -> None:
        for text, ms in CASES:
            if ms is not None and ms <= LAST:
                self.assertEqual(dates.parse(dates.format(ms)), ms // 1000 * 1000, repr(text))


if __name__ == "__main__":
    unittest.main()
