"""The errors that stop a deployment."""


class DeployError(Exception):
    """A failure for a person to read: a stable code, the detail, and a remedy ("" if there is none)."""

    code = "deploy_failed"

    def __init__(self, detail: str, remedy: str = "", *, code: str | None = None) -> None:
        super().__init__(detail, remedy)
        self.detail = detail
        self.remedy = remedy
        self.code = code or self.code


class ManifestError(DeployError):
    """A manifest, or a folder of manifests, can't be used."""

    code = "bad_manifest"


class UnreachableError(DeployError):
    """No API server answers, or no connection to it or to a pod can be opened."""

    code = "no_cluster"


class RefusedError(DeployError):
    """The API server refuses a request for one object."""

    code = "cluster_refused"

    def __init__(self, what: str, status: int, reason: str) -> None:
        remedy = "Ask for the right to do this, or choose another --context." if status in (401, 403) else ""
        super().__init__(f"{what}: {reason} ({status}).", remedy)
        self.status = status


class NotReadyError(DeployError):
    """An object is not ready, or not gone, within its limit of time; the detail contains the reason."""

    code = "not_ready"
