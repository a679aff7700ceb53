"""The record-linkage library: candidates, comparison, weights, clusters, evaluation."""
