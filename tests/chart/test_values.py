"""Each documented value does what it says, and a bad one is refused with a sentence."""

from __future__ import annotations

import functools
import json
from dataclasses import dataclass, field
from typing import Any

import pytest

from chart_support import CHART, Helm, HelmFailed, Manifest
from chart_support.copies import values

_LABEL = {"team": "platform"}
_PEERS = [{"namespaceSelector": {"matchLabels": {"name": "here"}}}]
_PROBE = {"periodSeconds": 7, "timeoutSeconds": 1, "failureThreshold": 9}
_VOLUME = {"name": "more", "emptyDir": {}}


@dataclass(frozen=True)
class Example:
    """A value, and the JSON that the chart's objects have with it and not with the default, or the other way round.

    `beside` are other values with which it means something.
    """

    value: Any
    appears: str = ""
    vanishes: str = ""
    beside: dict[str, Any] = field(default_factory=dict)


def _secret(path: str) -> dict[str, Any]:
    return {path: "logins"}


_QUICK = {"nats": {"url": "nats://nats.nats:4222"}, "crds": {"install": False}}
"""Without the CRD, which takes longer to read than all else."""

_CRD = {"crds.install": True}
_MONITOR = {"metrics.serviceMonitor.enabled": True}
_RULE = {"metrics.prometheusRule.enabled": True}
_DASHBOARD = {"metrics.dashboard.enabled": True}
_NETWORK = {"networkPolicy.enabled": True}
_LOGIN = {"nats.user": "anna", "nats.password.secret.name": "logins"}

EXAMPLES = {
    "nats.url": Example(["nats://a:4222", "tls://b"], '"TENURE_NATS_URL", "value": "nats://a:4222 tls://b"'),
    "nats.credentials.secret.name": Example(
        "logins", '"TENURE_NATS_CREDENTIALS", "value": "/etc/tenure/nats/nats.creds"'
    ),
    "nats.credentials.secret.key": Example(
        "mine", '{"key": "mine", "path": "nats.creds"}', beside=_secret("nats.credentials.secret.name")
    ),
    "nats.nkey.secret.name": Example("logins", '"TENURE_NATS_NKEY", "value": "/etc/tenure/nats/nats.nk"'),
    "nats.nkey.secret.key": Example(
        "mine", '{"key": "mine", "path": "nats.nk"}', beside=_secret("nats.nkey.secret.name")
    ),
    "nats.user": Example("bert", '"TENURE_NATS_USER", "value": "bert"', beside=_LOGIN),
    "nats.password.secret.name": Example("mine", '"name": "mine"', '"name": "logins"', beside=_LOGIN),
    "nats.password.secret.key": Example("mine", '{"key": "mine", "path": "password"}', beside=_LOGIN),
    "nats.token.secret.name": Example("logins", '"TENURE_NATS_TOKEN_FILE", "value": "/etc/tenure/nats/token"'),
    "nats.token.secret.key": Example(
        "mine", '{"key": "mine", "path": "token"}', beside=_secret("nats.token.secret.name")
    ),
    "nats.tls.first": Example(
        True, '"TENURE_NATS_TLS_FIRST", "value": "true"', beside={"nats.tls.ca.secret.name": "ca"}
    ),
    "nats.tls.ca.secret.name": Example("ca", '"TENURE_NATS_TLS_CA", "value": "/etc/tenure/nats/ca.crt"'),
    "nats.tls.ca.secret.key": Example(
        "mine", '{"key": "mine", "path": "ca.crt"}', beside=_secret("nats.tls.ca.secret.name")
    ),
    "nats.tls.ca.configMap.name": Example("ca", '"configMap": {"items": [{"key": "ca.crt", "path": "ca.crt"}]'),
    "nats.tls.ca.configMap.key": Example(
        "mine", '{"key": "mine", "path": "ca.crt"}', beside=_secret("nats.tls.ca.configMap.name")
    ),
    "nats.tls.client.secret.name": Example("mine", '"TENURE_NATS_TLS_KEY", "value": "/etc/tenure/nats/tls.key"'),
    "nats.tls.client.secret.cert": Example(
        "mine", '{"key": "mine", "path": "tls.crt"}', beside=_secret("nats.tls.client.secret.name")
    ),
    "nats.tls.client.secret.key": Example(
        "mine", '{"key": "mine", "path": "tls.key"}', beside=_secret("nats.tls.client.secret.name")
    ),
    "nats.bucket.name": Example("leases", '"TENURE_BUCKET", "value": "leases"'),
    "nats.bucket.replicas": Example(3, '"TENURE_BUCKET_REPLICAS", "value": "3"'),
    "nats.bucket.storage": Example("memory", '"TENURE_BUCKET_STORAGE", "value": "memory"'),
    "namespaces": Example(["shop", "stock"], '"TENURE_NAMESPACE", "value": "shop stock"', '"ClusterRoleBinding"'),
    "podSelector": Example("tier in (web)", '"TENURE_POD_SELECTOR", "value": "tier in (web)"'),
    "allowRecords": Example(["aether/leader", "a/b.c"], '"TENURE_ALLOW_RECORD", "value": "aether/leader a/b.c"'),
    "leaveCordonedNodes": Example(True, '"TENURE_LEAVE_CORDONED_NODES", "value": "true"'),
    "endpointSlices": Example(True, '"TENURE_ENDPOINT_SLICES", "value": "true"'),
    "electionIntervalSeconds": Example(0.5, '"TENURE_ELECTION_INTERVAL", "value": "0.5"'),
    "operatorLeaseDurationSeconds": Example(10, '"TENURE_OPERATOR_LEASE_DURATION", "value": "10"'),
    "log.level": Example("debug", '"TENURE_LOG_LEVEL", "value": "debug"'),
    "log.format": Example("text", '"TENURE_LOG_FORMAT", "value": "text"'),
    "listenAddress": Example("[::]", '"TENURE_LISTEN", "value": "[::]:8080"'),
    "replicaCount": Example(3, '"replicas": 3'),
    "image.repository": Example("registry.example/tenure", '"image": "registry.example/tenure:0.1.0"'),
    "image.tag": Example("edge", '"image": "tenure:edge"'),
    "image.digest": Example(f"sha256:{'0' * 64}", f'"image": "tenure@sha256:{"0" * 64}"'),
    "image.pullPolicy": Example("Always", '"imagePullPolicy": "Always"'),
    "imagePullSecrets": Example([{"name": "registry"}], '"imagePullSecrets": [{"name": "registry"}]'),
    "nameOverride": Example("leases", '"name": "tenure-leases"', '"name": "tenure"'),
    "fullnameOverride": Example("leases", '"name": "leases"', '"name": "tenure"'),
    "commonLabels": Example(_LABEL, '"team": "platform"'),
    "crds.install": Example(False, vanishes='"CustomResourceDefinition"', beside=_CRD),
    "crds.keep": Example(False, vanishes='"helm.sh/resource-policy"', beside=_CRD),
    "serviceAccount.create": Example(
        False, vanishes='"kind": "ServiceAccount", "metadata"', beside={"serviceAccount.name": "mine"}
    ),
    "serviceAccount.name": Example("mine", '"serviceAccountName": "mine"'),
    "serviceAccount.annotations": Example(_LABEL, '"annotations": {"team": "platform"}'),
    "rbac.create": Example(False, vanishes='"ClusterRoleBinding"'),
    "rbac.aggregate": Example(False, vanishes='"rbac.authorization.k8s.io/aggregate-to-edit"'),
    "admissionPolicies.enabled": Example(False, vanishes='"ValidatingAdmissionPolicy"'),
    "resources": Example({"limits": {"cpu": 1}}, '"limits": {"cpu": 1'),
    "podSecurityContext": Example({"runAsUser": 7}, '"runAsUser": 7'),
    "securityContext": Example({"runAsGroup": 7}, '"runAsGroup": 7'),
    "livenessProbe": Example(_PROBE, '"livenessProbe": {"failureThreshold": 9'),
    "readinessProbe": Example(_PROBE, '"readinessProbe": {"failureThreshold": 9'),
    "podDisruptionBudget.enabled": Example(False, vanishes='"PodDisruptionBudget"'),
    "podDisruptionBudget.maxUnavailable": Example("50%", '"maxUnavailable": "50%"'),
    "topologySpreadConstraints": Example(
        [{"maxSkew": 2, "topologyKey": "rack", "whenUnsatisfiable": "DoNotSchedule", "labelSelector": {}}],
        '"topologyKey": "rack"',
        '"topologyKey": "kubernetes.io/hostname"',
    ),
    "nodeSelector": Example(_LABEL, '"nodeSelector": {"team": "platform"}'),
    "tolerations": Example([{"operator": "Exists"}], '"tolerations": [{"operator": "Exists"}]'),
    "affinity": Example({"podAffinity": {}}, '"affinity": {"podAffinity": {}}'),
    "priorityClassName": Example("high", '"priorityClassName": "high"'),
    "podAnnotations": Example(_LABEL, '"kubectl.kubernetes.io/default-container": "operator", "team": "platform"'),
    "podLabels": Example(_LABEL, '"team": "platform"'),
    "extraEnv": Example([{"name": "TZ", "value": "UTC"}], '{"name": "TZ", "value": "UTC"}'),
    "extraVolumes": Example([_VOLUME], '"volumes": [{"emptyDir": {}, "name": "more"}]'),
    "extraVolumeMounts": Example([{"name": "more", "mountPath": "/more"}], '"mountPath": "/more"'),
    "networkPolicy.enabled": Example(True, '"kind": "NetworkPolicy"'),
    "networkPolicy.from": Example(_PEERS, '"from": [{"namespaceSelector"', beside=_NETWORK),
    "networkPolicy.nats": Example(_PEERS, '"ports": [{"port": 4222}], "to": [{"namespaceSelector"', beside=_NETWORK),
    "networkPolicy.apiServer": Example(
        _PEERS, '"ports": [{"port": 443}, {"port": 6443}], "to": [{"namespaceSelector"', beside=_NETWORK
    ),
    "networkPolicy.apiServerPorts": Example([16443], '"ports": [{"port": 16443}]', beside=_NETWORK),
    "metrics.serviceMonitor.enabled": Example(True, '"kind": "ServiceMonitor"'),
    "metrics.serviceMonitor.labels": Example(_LABEL, '"team": "platform"', beside=_MONITOR),
    "metrics.serviceMonitor.interval": Example("5s", '"interval": "5s"', beside=_MONITOR),
    "metrics.serviceMonitor.relabelings": Example(
        [{"targetLabel": "zone"}], '{"targetLabel": "zone"}', beside=_MONITOR
    ),
    "metrics.serviceMonitor.metricRelabelings": Example(
        [{"action": "drop"}], '"metricRelabelings": [{"action": "drop"}]', beside=_MONITOR
    ),
    "metrics.prometheusRule.enabled": Example(True, '"kind": "PrometheusRule"'),
    "metrics.prometheusRule.labels": Example(_LABEL, '"team": "platform"', beside=_RULE),
    "metrics.prometheusRule.runbookUrl": Example(
        "https://runbooks.example/tenure", '"https://runbooks.example/tenure#tenurenoleader"', beside=_RULE
    ),
    "metrics.dashboard.enabled": Example(True, '"tenure.json"'),
    "metrics.dashboard.labels": Example(_LABEL, '"team": "platform"', beside=_DASHBOARD),
    "metrics.dashboard.annotations": Example(_LABEL, '"annotations": {"team": "platform"}', beside=_DASHBOARD),
}


def _set(settings: dict[str, Any]) -> list[str]:
    return [argument for path, value in settings.items() for argument in ("--set-json", f"{path}={json.dumps(value)}")]


@functools.cache
def _default(offline: Helm, beside: str) -> str:
    """What the chart makes with these values and the defaults of all others."""
    return _json(offline.template(*_set(json.loads(beside)), values=_QUICK))


def _has_null(part: Any) -> bool:
    """Whether a field has no value, which is what becomes of one that is forgotten in a template."""
    if isinstance(part, (dict, list)):
        return any(_has_null(child) for child in (part.values() if isinstance(part, dict) else part))
    return part is None


def _json(manifest: Manifest) -> str:
    return json.dumps(manifest.objects, sort_keys=True)


def test_there_is_an_example_of_every_value() -> None:
    assert list(EXAMPLES) == [value.path for value in values()]


@pytest.mark.parametrize("path", EXAMPLES)
def test_a_value_has_its_effect(offline: Helm, path: str) -> None:
    example = EXAMPLES[path]

    before = _default(offline, json.dumps(example.beside))
    manifest = offline.template(*_set(example.beside), *_set({path: example.value}), values=_QUICK)
    after = _json(manifest)

    assert (example.appears in before, example.appears in after) == (not example.appears, True)
    assert (example.vanishes in before, example.vanishes in after) == (True, not example.vanishes)
    assert not _has_null(manifest.objects)


BAD = {
    "an unknown value": (["natz=1"], "additional properties 'natz' not allowed"),
    "an unknown value further down": (["nats.urls=nats://a"], "at '/nats': additional properties 'urls' not allowed"),
    "a wrong kind": (["replicaCount=two"], "at '/replicaCount': got string, want integer"),
    "a word that is none of the known": (["log.level=loud"], "must be one of 'debug', 'info', 'warning', 'error'"),
    "a number that is none of the known": (
        ["nats.bucket.replicas=2"],
        "at '/nats/bucket/replicas': value must be one of 1, 3, 5",
    ),
    "a number out of range": (["operatorLeaseDurationSeconds=2"], "minimum: got 2, want 3"),
    "a namespace that can be none": (["namespaces={Shop}"], "at '/namespaces/0': 'Shop' does not match"),
    "a namespace twice": (["namespaces={shop,shop}"], "at '/namespaces': items at 0 and 1 are equal"),
    "a label that is no text": (["podLabels.a=true"], "at '/podLabels/a': got boolean, want string"),
    "no NATS": (["nats.url="], "nats.url is missing: name your NATS servers, for instance with --set nats.url="),
    "an empty list of NATS servers": (["nats.url={}"], "nats.url is missing"),
    "no URL": (["nats.url=http://a"], "http://a is not the URL of a NATS server: write for instance nats://nats."),
    "two URLs in one": (["nats.url=nats://a\\,nats://b"], "and several as a list"),
    "a password in a URL": (["nats.url=nats://u:hunter2@a"], "must hold no user, password or token: put it into a"),
    "a token in a URL of several": (["nats.url={nats://a,nats://hunter2@b}"], "must hold no user, password or token"),
    "two logins": (["nats.token.secret.name=a,nats.nkey.secret.name=b"], "There can be one login to NATS: name"),
    "a user without a password": (["nats.user=anna"], "nats.user and nats.password.secret.name belong together"),
    "a password without a user": (["nats.password.secret.name=a"], "nats.user and nats.password.secret.name belong"),
    "two CAs": (["nats.tls.ca.secret.name=a,nats.tls.ca.configMap.name=b"], "in a Secret or in a ConfigMap: set one"),
    "TLS first and no TLS": (
        ["nats.tls.first=true"],
        "nats.tls.first needs TLS: write tls:// in nats.url, or name a CA",
    ),
    "no account": (["serviceAccount.create=false"], "serviceAccount.name is missing: name the service account to use"),
}


@pytest.mark.parametrize("bad", BAD)
def test_a_bad_value_is_refused_with_a_sentence(offline: Helm, bad: str) -> None:
    settings, sentence = BAD[bad]

    with pytest.raises(HelmFailed) as refused:
        offline.template("--set", ",".join(settings))

    assert sentence in str(refused.value)
    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize("namespaces", [[], ["shop"], ["shop", "system"]], ids=["all", "one", "its own"])
def test_the_chart_is_linted_without_a_warning(offline: Helm, namespaces: list[str]) -> None:
    said = offline.run("lint", str(CHART), "--strict", *_set({"nats.url": "nats://a", "namespaces": namespaces}))

    assert "1 chart(s) linted, 0 chart(s) failed" in said
    assert "[WARNING]" not in said


def test_an_api_server_without_policies_gets_none(offline: Helm) -> None:
    assert offline.template("--kube-version", "1.30.0").all("ValidatingAdmissionPolicy")
    assert not offline.template("--kube-version", "1.29.0").all("ValidatingAdmissionPolicy")


def test_a_cluster_that_is_too_old_is_refused(offline: Helm) -> None:
    with pytest.raises(HelmFailed, match=r"chart requires kubeVersion: >=1\.29\.0"):
        offline.template("--kube-version", "1.28.0")


def test_no_user_is_named(offline: Helm) -> None:
    """OpenShift gives each namespace a range of its own, and refuses what is not in it."""
    text = _json(offline.template())

    assert "runAsUser" not in text
    assert "fsGroup" not in text
    assert text.count('"runAsNonRoot": true') == 2  # the operator, and the test
