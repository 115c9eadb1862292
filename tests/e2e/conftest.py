"""The fixtures of the tests on a real cluster: one deployment for all tests.

pytest collects these tests only when they are named (`pytest tests/e2e`). They run on the current context of
KUBECONFIG. `.ci/run` sets these environment variables: RAYJOBS_E2E_BUILD, the command that builds and loads
a container image; RAYJOBS_E2E_KUBERAY, the folder of the operator's manifests; RAYJOBS_E2E_KEEP, which keeps
the system after the tests.
"""

import os
from collections.abc import Iterator

import pytest

from rayjobs_k8s.cluster import Cluster
from tests.support.on_cluster import System, document


def pytest_ignore_collect(config: pytest.Config) -> bool | None:
    return None if any("e2e" in argument for argument in config.invocation_params.args) else True


@pytest.fixture(scope="session")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    system = System(tmp_path_factory.mktemp("k8s"), Cluster())
    document(system.deploy())
    yield system
    if "RAYJOBS_E2E_KEEP" not in os.environ:
        document(system.deploy("--down"))


@pytest.fixture
def system(deployed: System) -> System:
    """Return the deployed system, purged, with every dependency ready."""
    deployed.await_calm()
    deployed.client.purge()
    return deployed
