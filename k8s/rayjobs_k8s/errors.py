"""What can stop a deployment."""


class DeployError(Exception):
    """What happened, for a person: a stable code, the details, and what to do about it."""

    code = "deploy_failed"

    def __init__(self, detail: str, remedy: str = "", *, code: str | None = None) -> None:
        super().__init__(detail, remedy)
        self.detail = detail
        self.remedy = remedy
        self.code = code or self.code


class ManifestError(DeployError):
    """A manifest, or a folder of them, can't be used."""

    code = "bad_manifest"


class UnreachableError(DeployError):
    """No API server answers, or there is no way to one."""

    code = "no_cluster"


class RefusedError(DeployError):
    """The API server refused a request for one object."""

    code = "cluster_refused"

    def __init__(self, what: str, status: int, reason: str) -> None:
        remedy = "Ask for the right to do this, or choose another --context." if status in (401, 403) else ""
        super().__init__(f"{what}: {reason} ({status}).", remedy)
        self.status = status


class NotReadyError(DeployError):
    """Something did not become ready, and why."""

    code = "not_ready"
