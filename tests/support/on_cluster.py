"""A system on a real cluster, for tests: deployed by the command, and ways to look at it and to hurt it."""

import json
import os
import subprocess
import sys
from argparse import Namespace
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rayjobs_cli.exit_status import CommandError
from rayjobs_cli.load_test.load import heavy
from rayjobs_cli.load_test.verdict import TERMINAL
from rayjobs_cli.setup.bootstrap import ROOT
from rayjobs_cli.targets.client import Client
from rayjobs_cli.targets.connection import connect
from rayjobs_k8s.cluster import Cluster
from rayjobs_k8s.deploy.readiness import is_ready
from rayjobs_k8s.names import NAMESPACE
from rayjobs_k8s.objects import Document, Ref
from tests.support.waiting import wait_until

DEPLOY_S = 540
READY_S = 150
END_S = 240


@dataclass(frozen=True)
class System:
    """What was deployed, and ways to look at it and to hurt it."""

    folder: Path
    cluster: Cluster

    def deploy(self, *options: str) -> subprocess.CompletedProcess[str]:
        """Run `deploy.py k8s` with standard input closed."""
        command = [sys.executable, str(ROOT / "scripts" / "deploy.py"), "k8s", "--json"]
        command += ["--state", str(self.folder), "--port", "0", "--dashboard-port", "0"]
        if build := os.environ.get("RAYJOBS_E2E_BUILD"):
            command += ["--build", build]
        if kuberay := os.environ.get("RAYJOBS_E2E_KUBERAY"):
            command += ["--kuberay-manifests", kuberay]
        return subprocess.run(
            [*command, *options],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            timeout=DEPLOY_S,
            check=False,
        )

    @property
    def client(self) -> Client:
        """A client of the API, through the ports of this machine."""
        return connect(Namespace(state=self.folder, url=None, api_key=None, target="k8s"))

    def pods(self, selector: str) -> list[Document]:
        """Return the pods of a label selector."""
        return list(self.cluster.find("v1", "Pod", NAMESPACE, labelSelector=selector))

    def kill(self, selector: str) -> str:
        """Delete a pod of a label selector without warning; return its uid."""
        pod = next(each for each in self.pods(selector) if is_ready(each))
        self.cluster.delete(Ref.of(pod), grace_s=0)
        return str(pod["metadata"]["uid"])

    def submit(self, count: int) -> str:
        """Send one heavy batch; return its id."""
        return str(self.client.submit(heavy(count))["id"])

    def await_done(self, batch_id: str, least: int) -> None:
        """Wait until so many items of a batch have succeeded."""
        wait_until(lambda: self.counts(batch_id)["succeeded"] >= least, END_S, f"{least} items done")

    def await_end(self, batch_id: str) -> Document:
        """Wait until a batch has ended, through whatever happens to the API; return it."""
        wait_until(lambda: self.state(batch_id) in TERMINAL, END_S, f"the end of {batch_id}")
        return self.client.batch(batch_id)

    def state(self, batch_id: str) -> str:
        """Return a batch's state, `away` while nobody can tell."""
        try:
            return str(self.client.batch(batch_id)["state"])
        except CommandError:
            return "away"

    def counts(self, batch_id: str) -> dict[str, int]:
        """Return a batch's counts."""
        return dict(self.client.batch(batch_id)["counts"])

    def await_calm(self) -> None:
        """Wait until every dependency is well and a worker is registered, as after a deployment."""
        wait_until(lambda: set(self.client.readiness().values()) == {"ok"}, READY_S, "readiness")
        wait_until(lambda: len(self.client.workers()), READY_S, "a registered worker")


def document(done: subprocess.CompletedProcess[str], status: int = 0) -> dict[str, Any]:
    """Return what a command printed as JSON, if it ended as it should."""
    assert done.returncode == status, done.stderr[-4000:]
    found: dict[str, Any] = json.loads(done.stdout)
    return found
