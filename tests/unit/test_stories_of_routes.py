"""An election whose endpoints the operator writes, step by step."""

from __future__ import annotations

from dataclasses import replace

from tenure.election.effects import Effect, ReadResource, RouteServices, WriteLease, WriteStatus
from tenure.election.inputs import PodGone, PodSeen, ResourceSeen, ServicesRouted
from unit.builders import SPEC
from unit.story import A, B, Story, at_rest, only


def _told(story: Story, *services: str, **spec: bool) -> ResourceSeen:
    before = story.resource
    changed = replace(SPEC, services=services, **spec)  # type: ignore[arg-type]
    story.resource = replace(
        before, resource_version=before.resource_version + 1, generation=before.generation + 1, spec=changed
    )
    return ResourceSeen(story.resource)


def _routes(done: list[Effect]) -> list[RouteServices]:
    return [effect for effect in done if isinstance(effect, RouteServices)]


def _routed() -> Story:
    story, _ = at_rest()
    assert only(RouteServices, story.hears(_told(story, "web"))) == RouteServices(("web",), 7, A.ref, is_ready=True)
    story.hears(ServicesRouted({"Service/web": 1}))
    return story


def test_the_status_comes_first_and_then_the_slices_beside_the_labels() -> None:
    story = _routed()
    release = only(WriteLease, story.hears(PodSeen(story.changed(A, terminating=True))))
    claim = only(WriteLease, story.hears(story.written(release)))
    entry = only(WriteStatus, story.hears(story.written(claim)))

    done = story.hears(story.acknowledged(entry))

    assert _routes(done) == [RouteServices(("web",), 8, B.ref, is_ready=True)]


def test_a_term_above_the_status_is_written_over_only_when_the_resource_was_read_after_it() -> None:
    story = _routed()
    done = story.hears(PodSeen(story.changed(A, ready=False)))
    while not (sent := _routes(done)):
        done = story.rests(story.wakes_after_s)
    assert [(one.is_ready, one.forged_term) for one in sent] == [(False, None)]

    done = story.hears(ServicesRouted({}, above=999))
    assert [effect for effect in done if isinstance(effect, ReadResource)] == [ReadResource()]
    assert _routes(done) == []

    story.hears(ResourceSeen(story.resource, read_at_s=story.now_s))
    assert [one.forged_term for one in _routes(story.rests(0.3))] == [999]


def test_while_it_is_suspended_the_slices_follow_the_leaders_pod_and_nobody_else() -> None:
    story = _routed()
    story.hears(_told(story, "web", suspend=True))

    not_ready = story.hears(PodSeen(story.changed(A, ready=False)))
    assert _routes(not_ready) == [RouteServices(("web",), 7, A.ref, is_ready=False)]
    story.hears(ServicesRouted({}))
    gone = story.hears(PodGone(A.uid))
    assert _routes(gone) == [RouteServices(("web",), 7, None, is_ready=False)]


def test_a_service_that_is_not_named_any_more_is_seen_to_once() -> None:
    story = _routed()

    assert _routes(story.hears(_told(story))) == [RouteServices((), 7, A.ref, is_ready=True)]
    story.hears(ServicesRouted({}))
    assert _routes(story.hears(PodSeen(story.changed(A, ready=False)))) == []
