"""The fields of a `LeaderElection` in this version. An older CRD drops what it does not know, without a word."""

from __future__ import annotations


def _selector(path: str) -> tuple[str, ...]:
    expression = f"{path}.matchExpressions"
    return (f"{path}.matchLabels", f"{expression}.key", f"{expression}.operator", f"{expression}.values")


FIELDS = (
    *_selector("spec.selector"),
    "spec.campaign",
    *_selector("spec.eligibility.exclude"),
    "spec.eligibility.minReadySeconds",
    "spec.eligibility.requireReady",
    "spec.failoverDelaySeconds",
    "spec.handOver",
    "spec.lease.durationSeconds",
    "spec.lease.renewDeadlineSeconds",
    "spec.lease.renewIntervalSeconds",
    "spec.preference.order",
    "spec.preference.preempt.afterSeconds",
    "spec.preference.priorities.priority",
    *_selector("spec.preference.priorities.selector"),
    "spec.record.bucket",
    "spec.record.key",
    "spec.routing.services",
    "spec.suspend",
    "spec.switchover.id",
    "spec.switchover.notBeforeTime",
    "spec.switchover.toPodName",
    "status.acquireTime",
    "status.candidates",
    "status.conditions.lastTransitionTime",
    "status.conditions.message",
    "status.conditions.observedGeneration",
    "status.conditions.reason",
    "status.conditions.status",
    "status.conditions.type",
    "status.eligible",
    "status.failoverTime",
    "status.history.acquireTime",
    "status.history.endTime",
    "status.history.holderIdentity",
    "status.history.podName",
    "status.history.reason",
    "status.history.term",
    "status.leader.holderIdentity",
    "status.leader.nodeName",
    "status.leader.podName",
    "status.leader.podUID",
    "status.leader.recordTerm",
    "status.observedGeneration",
    "status.switchover.formerIds",
    "status.switchover.id",
    "status.switchover.message",
    "status.switchover.result",
    "status.switchover.time",
    "status.term",
    "status.termFloor",
    "status.unfenced.podName",
    "status.unfenced.podUID",
)
"""The paths of all that holds a value, of lists those of their items."""
