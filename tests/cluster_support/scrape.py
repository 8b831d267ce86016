"""One answer of /metrics, taken apart."""

from __future__ import annotations

from prometheus_client.parser import text_string_to_metric_families


class Scrape:
    """The samples of one moment."""

    def __init__(self, text: str) -> None:
        families = text_string_to_metric_families(f"{text}\n")
        self.samples = [sample for family in families for sample in family.samples]

    def series(self, name: str, **labels: str) -> list[tuple[dict[str, str], float]]:
        """All series of a metric that have these labels: the other labels, and the value."""
        return [
            ({key: value for key, value in sample.labels.items() if key not in labels}, sample.value)
            for sample in self.samples
            if sample.name == name and labels.items() <= sample.labels.items()
        ]

    def value(self, name: str, **labels: str) -> float:
        """The value of the one series of a metric that has these labels."""
        found = self.series(name, **labels)
        assert len(found) == 1, f"{name} {labels}: {found}"
        return found[0][1]
