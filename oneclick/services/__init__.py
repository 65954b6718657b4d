"""Clients of external services: Prefect's API, the training server, the log of training runs."""
