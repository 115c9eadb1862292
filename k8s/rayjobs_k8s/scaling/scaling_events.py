"""The events between two statuses of the worker group: who added a pod, who removed one; pure."""

from collections.abc import Iterator

from rayjobs_k8s.scaling.group_status import GroupStatus


def changes(before: GroupStatus, now: GroupStatus) -> list[str]:
    """Return the events between two statuses, one line each; a cause comes before its effect."""
    return [
        *_min_replicas_changes(before, now),
        *_ray_requests(before, now),
        *_created_pods(before, now),
        *(f"pod {name} is ready" for name in sorted(now.ready - before.ready)),
        *_removed_pods(before, now),
    ]


def _min_replicas_changes(before: GroupStatus, now: GroupStatus) -> Iterator[str]:
    if now.floor > before.floor:
        high = [
            f"{name} {usage}" for name, usage in (("cpu", now.cpu), ("memory", now.memory)) if usage.is_high
        ]
        cause = f" ({', '.join(high)})" if high else ""
        yield f"HPA raised the floor {before.floor} -> {now.floor}{cause}"
    elif now.floor < before.floor:
        yield f"HPA lowered the floor {before.floor} -> {now.floor}"


def _ray_requests(before: GroupStatus, now: GroupStatus) -> Iterator[str]:
    # Ray's autoscaler includes the floor in its own number when it asks for pods. The pods of the floor are
    # not Ray's request.
    base = max(before.target, now.floor)
    if now.wanted > before.wanted and now.target > base:
        yield f"Ray asked for {now.target - base} more: {base} -> {now.target}"


def _created_pods(before: GroupStatus, now: GroupStatus) -> Iterator[str]:
    new = sorted(now.pods - before.pods)
    for number, name in enumerate(new, start=len(now.pods) - len(new) + 1):
        reasons = [
            reason for reason, limit in (("the floor", now.floor), ("Ray", now.wanted)) if number <= limit
        ]
        yield f"pod {name} is starting{', for ' + ' and '.join(reasons) if reasons else ''}"


def _removed_pods(before: GroupStatus, now: GroupStatus) -> Iterator[str]:
    drained = before.drained | now.drained
    for name in sorted(before.pods - now.pods):
        yield f"pod {name} drained, idle {now.idle_s} s" if name in drained else f"pod {name} is gone"
