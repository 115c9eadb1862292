"""The only door to a cluster's API server."""

import json
import re
from collections.abc import Mapping, Sequence
from functools import cached_property
from http import HTTPStatus
from socket import socket
from urllib.parse import urlsplit

import urllib3
from kubernetes import client, config, stream
from kubernetes.client.exceptions import ApiException
from websocket import WebSocketException

from rayjobs_k8s.errors import RefusedError, UnreachableError
from rayjobs_k8s.names import MANAGER
from rayjobs_k8s.objects import Document, Operation, Ref, entries, text

_ANSWER_S = (5.0, 30.0)
"""To connect, and for an answer; a CustomResourceDefinition of a megabyte takes seconds."""
_REMEDY = "Start the cluster, or name another one with --context; KUBECONFIG says where its settings are."


class Cluster:
    """One context of the user's kubeconfig; every failure is a `DeployError`."""

    def __init__(self, context: str | None = None, settings: client.Configuration | None = None) -> None:
        if settings is None:
            context, settings = _of_kubeconfig(context)
        self.context = context or ""
        self._settings = settings
        self._client = client.ApiClient(settings)
        self._kinds: dict[str, dict[str, Document]] = {}

    @classmethod
    def of_pod(cls) -> "Cluster":
        """Return the cluster that this process runs in, with the rights of its pod's account."""
        settings = client.Configuration()
        config.load_incluster_config(client_configuration=settings)
        return cls(settings=settings)

    @property
    def server(self) -> str:
        """Host name of the API server."""
        return urlsplit(self._settings.host).hostname or ""

    @cached_property
    def version(self) -> tuple[int, int]:
        """Major and minor version of Kubernetes."""
        told = self._ask("GET", "/version", "version")
        # A provider's minor version may end in a word of its own: "34+", "34-gke".
        major, minor = (re.match(r"\d+", text(told, name)) for name in ("major", "minor"))
        if major is None or minor is None:
            raise UnreachableError(f"{self._settings.host} does not tell its version: {told}.", _REMEDY)
        return int(major[0]), int(minor[0])

    def serves(self, api_version: str, kind: str) -> bool:
        """Return whether the API server knows a kind."""
        return kind in self._kinds_of(api_version)

    def get(self, ref: Ref) -> Document | None:
        """Return an object, None if it is not there."""
        if not self.serves(ref.api_version, ref.kind):
            return None
        try:
            return self._ask("GET", self._path(ref), str(ref))
        except RefusedError as error:
            if error.status == HTTPStatus.NOT_FOUND:
                return None
            raise

    def find(
        self, api_version: str, kind: str, namespace: str | None = None, **query: str
    ) -> Sequence[Document]:
        """Return the objects of a kind, in one namespace or in all; none if the kind is not known.

        Args:
            api_version: As in a manifest.
            kind: As in a manifest.
            namespace: None for all, and for kinds that live in none.
            query: `labelSelector`, `fieldSelector`.
        """
        if not self.serves(api_version, kind):
            return []
        path = self._path(Ref(api_version, kind, "", namespace)).rstrip("/")
        found = entries(self._ask("GET", path, f"list of {kind}", query=query), "items")
        return [{**each, "apiVersion": api_version, "kind": kind} for each in found]

    def apply(self, document: Document) -> Document:
        """Make an object what a manifest says, field by field; fields that it leaves out stay as they are."""
        query = {"fieldManager": MANAGER, "force": "true"}
        ref = Ref.of(document)
        body = json.dumps(document)
        return self._ask("PATCH", self._path(ref), str(ref), query, body, "application/apply-patch+yaml")

    def create(self, document: Document) -> Document:
        """Make an object that is not there yet."""
        ref = Ref.of(document)
        path = self._path(ref).rsplit("/", 1)[0]
        return self._ask("POST", path, str(ref), {"fieldManager": MANAGER}, document)

    def patch(self, ref: Ref, operations: Sequence[Operation], subresource: str = "") -> Document:
        """Change single fields of an object, or of its status, by a JSON patch; return it as it is then."""
        query = {"fieldManager": MANAGER}
        media = "application/json-patch+json"
        path = f"{self._path(ref)}/{subresource}".rstrip("/")
        return self._ask("PATCH", path, str(ref), query, list(operations), media)

    def delete(self, ref: Ref, grace_s: int | None = None) -> None:
        """Begin to delete an object and what belongs to it; do nothing if it is gone.

        Args:
            ref: Which.
            grace_s: What a pod is given to end by itself; None is its own choice.
        """
        if not self.serves(ref.api_version, ref.kind):
            return
        query = {"propagationPolicy": "Background"}
        if grace_s is not None:
            query["gracePeriodSeconds"] = str(grace_s)
        try:
            self._ask("DELETE", self._path(ref), str(ref), query)
        except RefusedError as error:
            if error.status != HTTPStatus.NOT_FOUND:
                raise

    def logs(self, pod: Ref, container: str, lines: int = 8) -> list[str]:
        """Return the last lines of a container, of the run before if this one has said nothing."""
        path = f"{self._path(pod)}/log"
        for previous in ("false", "true"):
            query = {"container": container, "tailLines": str(lines), "previous": previous}
            try:
                found = (
                    self._send("GET", path, str(pod), query).decode("utf-8", errors="replace").splitlines()
                )
            except RefusedError:  # it has not begun, or there was no run before
                continue
            if found:
                return found
        return []

    def connect(self, pod: Ref, port: int) -> socket:
        """Return a socket that leads to a port of a pod."""
        # A client of its own: the library changes it while it asks for the connection.
        core = client.CoreV1Api(client.ApiClient(self._settings))
        try:
            forward = stream.portforward(
                core.connect_get_namespaced_pod_portforward, pod.name, pod.namespace, ports=str(port)
            )
        except (ApiException, WebSocketException, OSError) as error:
            raise UnreachableError(f"{pod}, port {port}: {error}") from error
        made: socket = forward.socket(port)
        return made

    def forget_kinds(self) -> None:
        """Ask anew which kinds there are, after a CustomResourceDefinition has come or gone."""
        self._kinds.clear()

    def _path(self, ref: Ref) -> str:
        kind = self._kinds_of(ref.api_version).get(ref.kind)
        if kind is None:
            raise RefusedError(
                f"{ref.api_version} {ref.kind}", HTTPStatus.NOT_FOUND, "the cluster knows no such kind"
            )
        place = f"/namespaces/{ref.namespace}" if ref.namespace and kind.get("namespaced") else ""
        return f"{_root(ref.api_version)}{place}/{kind['name']}/{ref.name}"

    def _kinds_of(self, api_version: str) -> dict[str, Document]:
        if api_version not in self._kinds:
            try:
                found = entries(self._ask("GET", _root(api_version), api_version), "resources")
            except RefusedError as error:
                if error.status != HTTPStatus.NOT_FOUND:
                    raise
                return {}
            self._kinds[api_version] = {each["kind"]: each for each in found if "/" not in each["name"]}
        return self._kinds[api_version]

    def _ask(
        self,
        method: str,
        path: str,
        what: str,
        query: Mapping[str, str] | None = None,
        body: object = None,
        media: str = "application/json",
    ) -> Document:
        answer: Document = json.loads(self._send(method, path, what, query, body, media))
        return answer

    def _send(
        self,
        method: str,
        path: str,
        what: str,
        query: Mapping[str, str] | None = None,
        body: object = None,
        media: str = "application/json",
    ) -> bytes:
        request = self._client.param_serialize(
            method=method,
            resource_path=path,
            query_params=list((query or {}).items()),
            header_params={"Accept": "application/json", "Content-Type": media},
            body=body,
            auth_settings=["BearerToken"],
        )
        method, url, headers, body, _ = request
        try:
            response = self._client.call_api(method, url, headers, body, _request_timeout=_ANSWER_S)
            data: bytes = response.read()
        except (urllib3.exceptions.HTTPError, OSError) as error:
            reason = getattr(error, "reason", None) or error
            raise UnreachableError(f"{self._settings.host} does not answer: {reason}.", _REMEDY) from error
        if not HTTPStatus.OK <= response.status < HTTPStatus.MULTIPLE_CHOICES:
            raise RefusedError(what, response.status, _reason(data))
        return data


def _of_kubeconfig(context: str | None) -> tuple[str, client.Configuration]:
    settings = client.Configuration()
    try:
        contexts, active = config.list_kube_config_contexts()
        name: str = context or active["name"]
        if name not in {each["name"] for each in contexts}:
            raise UnreachableError(f"The kubeconfig has no context {name!r}.", _REMEDY)
        config.load_kube_config(context=name, client_configuration=settings)
    except config.ConfigException as error:
        raise UnreachableError(f"There is no kubeconfig that can be used: {error}.", _REMEDY) from error
    return name, settings


def _root(api_version: str) -> str:
    return f"/apis/{api_version}" if "/" in api_version else f"/api/{api_version}"


def _reason(data: bytes) -> str:
    try:
        return str(json.loads(data)["message"])
    except (ValueError, KeyError, TypeError):
        return data.decode("utf-8", errors="replace")[:200]
