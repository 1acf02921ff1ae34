"""The Prometheus text format, as far as tests need it."""
import re

_SAMPLE = re.compile(r'^([A-Za-z_:][\w:]*)(?:\{(.*)\})? (\S+)')
_LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')


class Metrics:
    def __init__(self, text):
        self.text = text
        self.samples = {}  # (name, frozenset of label pairs) -> value
        for line in text.splitlines():
            match = None if line.startswith("#") else _SAMPLE.match(line)
            if match:
                labels = frozenset(_LABEL.findall(match.group(2) or ""))
                self.samples[(match.group(1), labels)] = float(match.group(3))

    def value(self, name, **labels):
        """Sum of the samples of `name` that carry all of `labels`; 0 where there is none."""
        wanted = set(labels.items())
        return sum(v for (n, have), v in self.samples.items() if n == name and wanted <= have)

    def buckets(self, name, **labels):
        """[(upper bound, cumulative count)] of a histogram, ascending."""
        wanted = set(labels.items())
        sums = {}
        for (n, have), v in self.samples.items():
            if n == name + "_bucket" and wanted <= have:
                bound = float(dict(have)["le"])
                sums[bound] = sums.get(bound, 0) + v
        return sorted(sums.items())

    def quantile(self, name, q, **labels):
        """As PromQL's histogram_quantile, over the whole life of the process; None where nothing was observed."""
        buckets = self.buckets(name, **labels)
        if not buckets or buckets[-1][1] == 0:
            return None
        rank = q * buckets[-1][1]
        low_bound = low_count = 0.0
        for bound, count in buckets:
            if count >= rank:
                if bound == float("inf"):
                    return low_bound
                span = count - low_count
                return low_bound + (bound - low_bound) * ((rank - low_count) / span if span else 1)
            low_bound, low_count = bound, count
        return low_bound
