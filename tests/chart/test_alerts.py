"""The alerts, played through Prometheus' own promtool; and what of metrics the dashboard shows."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from chart_support import CHART, ROOT, Helm
from environment.binaries import promtool_binary

_MONITORING = {"nats": {"url": "nats://nats"}, "metrics": {"prometheusRule": {"enabled": True}}}
_DASHBOARD = json.loads((CHART / "files" / "dashboard.json").read_text())
_TEST = Path(__file__).with_name("alerts.test.yaml")


@pytest.fixture(scope="module")
def groups(offline: Helm) -> list[Any]:
    """The groups of the PrometheusRule that the chart makes."""
    found = offline.template(values=_MONITORING).one("PrometheusRule")["spec"]["groups"]
    assert isinstance(found, list)
    return found


def _promtool(*arguments: str, folder: Path) -> None:
    done = subprocess.run(
        [str(promtool_binary()), *arguments], cwd=folder, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_each_alert_comes_when_it_should_and_not_before(groups: list[Any], tmp_path: Path) -> None:
    (tmp_path / "rules.yaml").write_text(yaml.safe_dump({"groups": groups}))
    shutil.copy(_TEST, tmp_path)

    _promtool("check", "rules", "--lint=all", "--lint-fatal", "rules.yaml", folder=tmp_path)
    _promtool("test", "rules", _TEST.name, folder=tmp_path)

    played = {
        one["alertname"] for test in yaml.safe_load(_TEST.read_text())["tests"] for one in test["alert_rule_test"]
    }
    assert {rule["alert"] for group in groups for rule in group["rules"]} == played


def test_each_alert_has_a_runbook(groups: list[Any]) -> None:
    headings = re.findall(r"^## (.+)$", (ROOT / "docs" / "alerts.md").read_text(), re.MULTILINE)
    alerts = [rule for group in groups for rule in group["rules"]]

    assert headings == [rule["alert"] for rule in alerts]
    assert [rule["annotations"]["runbook_url"] for rule in alerts] == [
        f"https://tenure.dev/docs/alerts#{heading.lower()}" for heading in headings
    ]


def test_the_dashboards_queries_are_such_as_prometheus_takes(tmp_path: Path) -> None:
    """As rules, after Grafana's variables have got values."""
    queries = [target["expr"] for panel in _DASHBOARD["panels"] for target in panel["targets"]]
    assert len(queries) > 10
    rules = [
        {"record": f"dashboard:query:{number}", "expr": query.replace("$__rate_interval", "5m")}
        for number, query in enumerate(queries)
    ]
    (tmp_path / "rules.yaml").write_text(yaml.safe_dump({"groups": [{"name": "dashboard", "rules": rules}]}))

    _promtool("check", "rules", "rules.yaml", folder=tmp_path)


def test_the_panels_of_the_dashboard_do_not_overlap() -> None:
    places = [
        (x, y)
        for panel in _DASHBOARD["panels"]
        for x in range(panel["gridPos"]["x"], panel["gridPos"]["x"] + panel["gridPos"]["w"])
        for y in range(panel["gridPos"]["y"], panel["gridPos"]["y"] + panel["gridPos"]["h"])
    ]

    assert len(places) == len(set(places))
    assert len({panel["id"] for panel in _DASHBOARD["panels"]}) == len(_DASHBOARD["panels"])
