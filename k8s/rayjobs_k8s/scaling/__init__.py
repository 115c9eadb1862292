"""The worker group: who decides its size, and how it stands.

scaler          keeps `minReplicas` of the worker group where the HPA wants it; a pod of its own
min_replicas    where it belongs; pure
group_status    how the group stands; pure
observe         reads that from a cluster
scaling_events  who added which pod, and who took it away; pure

In: objects of the cluster. Out: one patched field; a status that people read.
"""
