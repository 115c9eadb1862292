"""A machine whose clock is wrong: `SKEW_S` in the environment moves the time of whatever imports this.

Python's own clock alone: that is all that rayjobs reads. Monotonic time is right on such a machine too.
"""

import os
import time

HOOK = {"RAYJOBS_ENGINE_HOOK": __name__}
AGENT = f"import {__name__}, runpy; runpy.run_module('rayjobs.entrypoints.agent', run_name='__main__')"
"""The program of an agent with such a clock."""


def skew(environment: dict[str, str]) -> None:
    """Move the clock of this process, as its environment says."""
    os.environ.update(environment)
    right, right_ns, skew_s = time.time, time.time_ns, int(os.environ["SKEW_S"])
    vars(time).update(time=lambda: right() + skew_s, time_ns=lambda: right_ns() + skew_s * 10**9)


if "SKEW_S" in os.environ:
    skew({})
