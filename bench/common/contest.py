# SPDX-License-Identifier: Apache-2.0
"""What contenders are measured by: turns, medians, and a report of one line a metric."""
import json
import statistics
import sys


class Report:
    """Of metrics that are better when smaller. `failed`: whether one has no value."""

    def __init__(self, as_json):
        self.as_json, self.failed = as_json, False

    def line(self, metric, value, unit, reference, mark=""):
        """A reference of 0: there is none. `mark`: what has to be known about the line."""
        ratio = reference / value if reference else 0
        if self.as_json:
            entry = {"metric": metric, "value": value, "unit": unit, "reference": reference, "ratio": ratio}
            print(json.dumps({**entry, "mark": mark} if mark else entry), flush=True)
        else:
            print(f"{metric}\t{value:.4g}\t{unit}\t{reference:.4g}\t{ratio:.3f}{mark and chr(9) + mark}", flush=True)

    def missing(self, what):
        self.failed = True
        print(f"no result: {what}", file=sys.stderr)


def in_turns(sides, rounds, once):
    """Calls once(side) for all sides, the one that begins changing. Returns the dictionaries of each side."""
    results = {side.name: [] for side in sides}
    for number in range(rounds):
        for side in sides if number % 2 == 0 else reversed(sides):
            results[side.name].append(once(side))
    return results


def medians(dictionaries):
    names = {name: None for values in dictionaries for name in values}
    return {name: statistics.median(values[name] for values in dictionaries if name in values) for name in names}
