"""The client of a cluster's API server; no other module calls one."""

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
"""Limits: to connect, and to answer. A CustomResourceDefinition of a megabyte takes seconds."""
_REMEDY = "Start the cluster, or name another one with --context; KUBECONFIG names the file of its settings."


class Cluster:
    """The API server of one context of the user's kubeconfig; each method raises `DeployError` alone."""

    def __init__(self, context: str | None = None, settings: client.Configuration | None = None) -> None:
        if settings is None:
            context, settings = _of_kubeconfig(context)
        self.context = context or ""
        self._settings = settings
        self._client = client.ApiClient(settings)
        self._kinds: dict[str, dict[str, Document]] = {}

    @classmethod
    def of_pod(cls) -> "Cluster":
        """Return the cluster in which this process runs, with the rights of its pod's service account."""
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
        answer = self._ask("GET", "/version", "version")
        # A provider may add letters to the minor version: "34+", "34-gke".
        major, minor = (re.match(r"\d+", text(answer, name)) for name in ("major", "minor"))
        if major is None or minor is None:
            raise UnreachableError(f"{self._settings.host} does not report its version: {answer}.", _REMEDY)
        return int(major[0]), int(minor[0])

    def serves(self, api_version: str, kind: str) -> bool:
        """Return whether the API server has a kind of objects."""
        return kind in self._kinds_of(api_version)

    def get(self, ref: Ref) -> Document | None:
        """Return an object, None if there is no such object."""
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
        """Return the objects of a kind, in one namespace or in all; [] if the API server has no such kind.

        Args:
            api_version: As in a manifest.
            kind: As in a manifest.
            namespace: None for all namespaces, and for kinds without namespaces.
            query: `labelSelector` and `fieldSelector`.
        """
        if not self.serves(api_version, kind):
            return []
        path = self._path(Ref(api_version, kind, "", namespace)).rstrip("/")
        found = entries(self._ask("GET", path, f"list of {kind}", query=query), "items")
        return [{**each, "apiVersion": api_version, "kind": kind} for each in found]

    def apply(self, document: Document) -> Document:
        """Create an object, or set the fields that a manifest names; the other fields stay; return it."""
        query = {"fieldManager": MANAGER, "force": "true"}
        ref = Ref.of(document)
        body = json.dumps(document)
        return self._ask("PATCH", self._path(ref), str(ref), query, body, "application/apply-patch+yaml")

    def create(self, document: Document) -> Document:
        """Create an object that does not exist; return it."""
        ref = Ref.of(document)
        path = self._path(ref).rsplit("/", 1)[0]
        return self._ask("POST", path, str(ref), {"fieldManager": MANAGER}, document)

    def patch(self, ref: Ref, operations: Sequence[Operation], subresource: str = "") -> Document:
        """Change fields of an object, or of a subresource, by a JSON patch; return the changed object."""
        query = {"fieldManager": MANAGER}
        media = "application/json-patch+json"
        path = f"{self._path(ref)}/{subresource}".rstrip("/")
        return self._ask("PATCH", path, str(ref), query, list(operations), media)

    def delete(self, ref: Ref, grace_s: int | None = None) -> None:
        """Start the deletion of an object and of its dependents; do nothing if it does not exist.

        Args:
            ref: The object.
            grace_s: Seconds in which a pod may end by itself; None keeps the pod's own limit.
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
        """Return the last log lines of a container; those of its previous run if this run has none."""
        path = f"{self._path(pod)}/log"
        for previous in ("false", "true"):
            query = {"container": container, "tailLines": str(lines), "previous": previous}
            try:
                found = (
                    self._send("GET", path, str(pod), query).decode("utf-8", errors="replace").splitlines()
                )
            except RefusedError:  # the container has not started, or it has no previous run
                continue
            if found:
                return found
        return []

    def connect(self, pod: Ref, port: int) -> socket:
        """Return a socket that is connected to a port of a pod."""
        # A client for this call alone: the library changes the client while it opens the connection.
        core = client.CoreV1Api(client.ApiClient(self._settings))
        try:
            forward = stream.portforward(
                core.connect_get_namespaced_pod_portforward, pod.name, pod.namespace, ports=str(port)
            )
        except (ApiException, WebSocketException, OSError) as error:
            raise UnreachableError(f"{pod}, port {port}: {error}") from error
        connected: socket = forward.socket(port)
        return connected

    def forget_kinds(self) -> None:
        """Forget the known kinds; a CustomResourceDefinition was created or deleted."""
        self._kinds.clear()

    def _path(self, ref: Ref) -> str:
        kind = self._kinds_of(ref.api_version).get(ref.kind)
        if kind is None:
            raise RefusedError(
                f"{ref.api_version} {ref.kind}", HTTPStatus.NOT_FOUND, "the cluster has no such kind"
            )
        namespace = f"/namespaces/{ref.namespace}" if ref.namespace and kind.get("namespaced") else ""
        return f"{_root(ref.api_version)}{namespace}/{kind['name']}/{ref.name}"

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
        raise UnreachableError(f"The kubeconfig can't be used: {error}.", _REMEDY) from error
    return name, settings


def _root(api_version: str) -> str:
    return f"/apis/{api_version}" if "/" in api_version else f"/api/{api_version}"


def _reason(data: bytes) -> str:
    try:
        return str(json.loads(data)["message"])
    except (ValueError, KeyError, TypeError):
        return data.decode("utf-8", errors="replace")[:200]
