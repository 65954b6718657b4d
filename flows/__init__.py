"""Prefect flows over the stages, coupled only through the catalog.

Call `flows.environment.prepare(home)` before the first import of a flow: Prefect reads its
settings when it is imported.
"""
