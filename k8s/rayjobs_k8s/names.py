"""The names on which the manifests, the commands and the tools of users agree; a test compares them."""

NAMESPACE = "rayjobs"
API = "api"
"""Deployment, Service and container of the API."""
API_PORT = 8000
DASHBOARD_PORT = 8265
RAYCLUSTER = "rayjobs"
WORKERS = "workers"
"""Worker group, WorkerGroupScaler and HorizontalPodAutoscaler."""
REDIS_SECRET = "redis"
API_KEYS_SECRET = "api-keys"
API_IMAGE = "rayjobs/api"
RAY_IMAGE = "rayjobs/ray"
"""Container images as the manifests name them; a deployment replaces them by the images to run."""

PART_LABEL = "app.kubernetes.io/part-of"
MANAGER_LABEL = "app.kubernetes.io/managed-by"
MANAGER = "rayjobs-deploy"
"""The maker of an object: in its label, and as the owner of its fields."""

API_PODS = "app.kubernetes.io/name=api"
HEAD_PODS = f"ray.io/cluster={RAYCLUSTER},ray.io/node-type=head"
WORKER_PODS = f"ray.io/cluster={RAYCLUSTER},ray.io/node-type=worker"
"""Label selectors of pods."""
