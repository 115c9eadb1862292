"""From an empty cluster to a system that is ready, and back.

render         builds the objects from manifests and values; pure
kuberay        the manifests of the KubeRay operator: fetched and checked, or from a folder
kustomize      reads a kustomize folder
raycluster     the patch that changes a running RayCluster; pure
readiness      what an object waits for, and why a pod does not start; pure
apply          applies objects, and deletes objects that the manifests no longer contain
wait           waits until objects are ready, or reports why they are not
prerequisites  installs metrics-server and KubeRay where they are missing
rollout        runs these steps in their order
teardown       deletes what was rolled out

In: values and a cluster. Out: objects on the cluster; `DeployError` with its remedy.
"""
