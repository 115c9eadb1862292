"""What a probe sees of the dispatcher: its pulse, as long as its loop turns, whatever is away."""

from pathlib import Path

from rayjobs.adapters.redis.registry import RedisRegistry
from rayjobs.settings import Settings
from tests.support.redis_server import redis_server
from tests.support.system import farm
from tests.support.waiting import wait_until


def await_beat(pulse: Path) -> None:
    pulse.unlink(missing_ok=True)
    wait_until(pulse.exists, 10, "a beat")


def test_the_pulse_goes_on_while_redis_is_away_and_ends_with_the_loop(
    farm_settings: Settings, tmp_path: Path
) -> None:
    pulse = tmp_path / "pulse"
    with redis_server(tmp_path / "redis") as server:
        settings = farm_settings.model_copy(update={"redis_url": server.url, "liveness": pulse})
        with farm(settings, RedisRegistry.connect(settings)) as whole:
            stop = whole.dispatch()
            await_beat(pulse)
            server.kill()
            await_beat(pulse)
            server.start()
            stop.set()
            wait_until(lambda: not whole.threads[0].is_alive(), 10, "the dispatcher's end")
            pulse.unlink()
            assert not pulse.exists()
