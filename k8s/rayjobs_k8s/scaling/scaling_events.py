"""Who added which pod, and who took it away: told from one standing to the next. Pure."""

from collections.abc import Iterable, Iterator

from rayjobs_k8s.scaling.group_status import GroupStatus


def changes(before: GroupStatus, now: GroupStatus) -> list[str]:
    """Return what happened between two moments, a line each, in the order of cause and effect."""
    return [
        *_of_the_floor(before, now),
        *_of_ray(before, now),
        *_made(before, now),
        *(f"pod {name} is ready" for name in sorted(now.ready - before.ready)),
        *_gone(before, now),
    ]


def _of_the_floor(before: GroupStatus, now: GroupStatus) -> Iterator[str]:
    if now.floor > before.floor:
        high = [
            f"{name} {usage}" for name, usage in (("cpu", now.cpu), ("memory", now.memory)) if usage.is_high
        ]
        yield f"HPA raised the floor {before.floor} -> {now.floor}{_note(high)}"
    elif now.floor < before.floor:
        yield f"HPA lowered the floor {before.floor} -> {now.floor}"


def _of_ray(before: GroupStatus, now: GroupStatus) -> Iterator[str]:
    # What the floor asks for as well is not Ray's doing: it takes the floor into its own number when it asks.
    base = max(before.target, now.floor)
    if now.wanted > before.wanted and now.target > base:
        yield f"Ray asked for {now.target - base} more: {base} -> {now.target}"


def _made(before: GroupStatus, now: GroupStatus) -> Iterator[str]:
    new = sorted(now.pods - before.pods)
    for number, name in enumerate(new, start=len(now.pods) - len(new) + 1):
        reasons = [
            reason for reason, limit in (("the floor", now.floor), ("Ray", now.wanted)) if number <= limit
        ]
        yield f"pod {name} is starting{', for ' + ' and '.join(reasons) if reasons else ''}"


def _gone(before: GroupStatus, now: GroupStatus) -> Iterator[str]:
    drained = before.drained | now.drained
    for name in sorted(before.pods - now.pods):
        yield f"pod {name} drained, idle {now.idle_s} s" if name in drained else f"pod {name} is gone"


def _note(parts: Iterable[str]) -> str:
    told = ", ".join(parts)
    return f" ({told})" if told else ""
