"""From an empty cluster to a system that is ready, and back.

render         manifests and values -> objects; pure
kuberay        the operator's own manifests: fetched and checked, or from a folder
kustomize      reads a kustomize folder
raycluster     what may be changed of a RayCluster that lives; pure
readiness      what an object still waits for, and why a pod does not start; pure
apply          applies objects, and takes away what a manifest no longer has
wait           until objects are ready, or why they are not
prerequisites  metrics and KubeRay, installed where there are none
rollout        all of this in its order
teardown       takes away what was rolled out

In: values and a cluster. Out: objects on the cluster; `DeployError` with its remedy.
"""
