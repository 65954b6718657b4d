"""Clients of services outside: Prefect's API, the training server, the log of training runs."""
