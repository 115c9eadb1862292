"""What the manifests, the commands and people's own tools must agree on; a test holds them together."""

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
"""As the manifests name the container images; replaced by those to run."""

PART_LABEL = "app.kubernetes.io/part-of"
MANAGER_LABEL = "app.kubernetes.io/managed-by"
MANAGER = "rayjobs-deploy"
"""Who made an object, in its label and as the owner of its fields."""

API_PODS = "app.kubernetes.io/name=api"
HEAD_PODS = f"ray.io/cluster={RAYCLUSTER},ray.io/node-type=head"
WORKER_PODS = f"ray.io/cluster={RAYCLUSTER},ray.io/node-type=worker"
"""Label selectors."""
