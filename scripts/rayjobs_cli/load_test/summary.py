"""What a load test prints at its end: the verdict, and on a cluster how the worker group grew and shrank."""

from collections.abc import Iterator, Sequence

from rayjobs_cli.console import Terminal
from rayjobs_cli.load_test.runner import LoadTest
from rayjobs_cli.load_test.snapshot import Snapshot


def show(load_test: LoadTest, terminal: Terminal) -> None:
    """Print the summary of a load test for people."""
    verdict = load_test.verdict
    terminal.print()
    terminal.say(
        f"{'all succeeded' if verdict.ok else 'not all succeeded'}: {load_test.images} pictures of "
        f"{len(load_test.batches)} batches in {load_test.seconds:.1f} s, {load_test.images_per_s:g} images/s",
        style="bold green" if verdict.ok else "bold red",
    )
    for fault in verdict.faults:
        terminal.say(f"  - {fault}")
    if verdict.ok:
        terminal.say("every output was fetched and compared with its record")
    for line in _scaling(load_test.snapshots):
        terminal.say(line)
    terminal.say(f"outputs: {load_test.outputs or 'none'}")
    terminal.say(f"report:  {load_test.report}")


def _scaling(snapshots: Sequence[Snapshot]) -> Iterator[str]:
    """Yield lines about the size of the worker group over time; none for a run on this machine."""
    seen = [(one.t_s, one.group_status) for one in snapshots if one.group_status is not None]
    if not seen:
        return
    first, last = seen[0][1], seen[-1][1]
    most = max(len(group.ready) for _, group in seen)
    peak_s = next(t_s for t_s, group in seen if len(group.ready) == most)
    floor, wanted = max(group.floor for _, group in seen), max(group.wanted for _, group in seen)
    yield f"ready pods: {len(first.ready)} -> {most} (after {peak_s:.0f} s) -> {len(last.ready)}"
    yield f"  the HPA raised the floor to {floor}, Ray asked for {wanted}, the group may have {last.most}"
    hot = next(((t_s, group) for t_s, group in seen if group.cpu.is_high), None)
    if hot:
        yield f"  the HPA saw {hot[1].cpu} of CPU after {hot[0]:.0f} s"
    ended_s = next(one.t_s for one in snapshots if one.ended)
    if last.is_at_rest:
        yield f"  one worker again {seen[-1][0] - ended_s:.0f} s after the last picture"
    else:
        yield f"  not small again {seen[-1][0] - ended_s:.0f} s after the last picture: floor {last.floor}"
