"""The story of how a worker group grew and shrank in a run, in a few lines; pure."""

from collections.abc import Iterator, Sequence

from rayjobs_cli.load_test.snapshot import Snapshot


def scaling_summary(snapshots: Sequence[Snapshot]) -> Iterator[str]:
    """Give the lines; none for a run that was not on a cluster."""
    seen = [(one.t_s, one.standing) for one in snapshots if one.standing is not None]
    if not seen:
        return
    first, last = seen[0][1], seen[-1][1]
    most = max(len(it.ready) for _, it in seen)
    peak_s = next(t_s for t_s, it in seen if len(it.ready) == most)
    floor, wanted = max(it.floor for _, it in seen), max(it.wanted for _, it in seen)
    yield f"ready pods: {len(first.ready)} -> {most} (after {peak_s:.0f} s) -> {len(last.ready)}"
    yield f"  the HPA raised the floor to {floor}, Ray asked for {wanted}, the group may have {last.most}"
    hot = next(((t_s, it) for t_s, it in seen if it.cpu.is_high), None)
    if hot:
        yield f"  the HPA saw {hot[1].cpu} of CPU after {hot[0]:.0f} s"
    ended_s = next(one.t_s for one in snapshots if one.ended)
    if last.is_at_rest:
        yield f"  one worker again {seen[-1][0] - ended_s:.0f} s after the last picture"
    else:
        yield f"  not small again {seen[-1][0] - ended_s:.0f} s after the last picture: floor {last.floor}"
