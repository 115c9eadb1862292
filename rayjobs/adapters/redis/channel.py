"""One end of a channel in Redis on which batches are announced."""

from contextlib import ExitStack

import redis

from rayjobs.adapters.redis.scripts import redis_errors


class Channel:
    """Hears what is announced from its first call on; for one thread at a time."""

    def __init__(self, client: redis.Redis, name: str) -> None:
        self._redis = client
        self._name = name
        self._subscription: redis.client.PubSub | None = None

    def hear(self, timeout_s: float) -> str | None:
        """Return what is announced next, None if the time is up; raises `RegistryUnavailableError`."""
        with redis_errors(), ExitStack() as fault:
            mine, self._subscription = self._subscription, None
            if mine is None:
                mine = self._redis.pubsub(ignore_subscribe_messages=True)
            # Redis: after a fault a subscription has no socket, and asking it raises TypeError: make another.
            fault.callback(mine.close)
            if not mine.subscribed:
                mine.subscribe(self._name)
            message = mine.get_message(timeout=timeout_s)
            fault.pop_all()
            self._subscription = mine
            return None if message is None else str(message["data"])
