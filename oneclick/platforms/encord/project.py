"""The project on Encord with its ontology and workflow stages, its dataset and its folder.

They share one title, by which they are looked up every time: no stored id can be out of date.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import TypeVar
from uuid import UUID

from encord import EncordUserClient
from encord.dataset import Dataset
from encord.orm.dataset import StorageLocation
from encord.project import Project
from encord.storage import StorageFolder

from oneclick.core.errors import PlatformAway, PlatformRefused
from oneclick.platforms.encord import schema
from oneclick.platforms.encord.connect import Retrier, connect
from oneclick.platforms.encord.options import EncordOptions

T = TypeVar("T")


class EncordProject:
    """The project of the settings and what belongs to it, each requested on first use.

    Every property raises PlatformAway where the object is missing or cannot be read.
    """

    def __init__(self, options: EncordOptions, retrier: Retrier) -> None:
        self.options, self.retrier = options, retrier

    @cached_property
    def client(self) -> EncordUserClient:
        """Return the client of the SDK."""
        return connect(self.options)

    @cached_property
    def project(self) -> Project:
        """Return the project of the SDK."""
        uuid = self.call("find the project", self._find_project_id)
        if uuid is None:
            raise PlatformAway(
                f"no project on {self.options.domain} is called {self.options.project!r}: "
                "oneclick review setup makes it, or correct review.encord.project"
            )
        return self.call("open the project", lambda: self.client.get_project(uuid))

    @cached_property
    def dataset(self) -> Dataset:
        """Return the dataset with the project's title, or the only one that the project has."""
        datasets = self.call("list datasets", lambda: list(self.project.list_datasets()))
        namesakes = [dataset for dataset in datasets if dataset.title == self.project.title]
        candidates = namesakes or datasets
        if len(candidates) != 1:
            raise PlatformAway(
                f"project {self.project.title!r} has {len(datasets)} datasets and none with its "
                "own title: oneclick review setup adds one"
            )
        uuid = str(candidates[0].dataset_hash)
        return self.call(
            "open the dataset", lambda: self.client.get_dataset(uuid, include_data_rows=False)
        )

    @cached_property
    def folder(self) -> StorageFolder:
        """Return the storage folder with the project's title."""
        title = self.project.title
        folder = self.call("find the folder", lambda: self._find_folder(title))
        if folder is None:
            raise PlatformAway(f"no folder on Encord is called {title!r}: oneclick review setup")
        return folder

    @cached_property
    def integration(self) -> str:
        """Return the id of the cloud integration that reads our bucket."""
        title = self.options.integration
        integrations = self.call(
            "find the integration",
            lambda: self.client.get_cloud_integrations(filter_integration_titles=[title]),
        )
        if len(integrations) != 1:
            raise PlatformAway(
                f"{len(integrations)} cloud integrations on Encord are called {title!r}: "
                "correct review.encord.integration"
            )
        return integrations[0].id

    def check(self) -> str:
        """Check that project and workflow stages are as in the settings; return a line about them.

        Raises:
            PlatformAway: naming the stage that is missing.
        """
        titles = [stage.title for stage in self.project.workflow.stages]
        for name in ("finished", "hold"):
            title = getattr(self.options, name)
            if title and title not in titles:
                raise PlatformAway(
                    f"project {self.project.title!r} has no stage {title!r} (it has "
                    f"{', '.join(titles)}): correct review.encord.{name}"
                )
        return f"project {self.project.title!r} on {self.options.domain}: {', '.join(titles)}"

    def check_access(self) -> None:
        """Check that the key can still read the project.

        Raises:
            PlatformAway: it cannot.
        """
        uuid = self.project.project_hash
        self.call("open the project", lambda: self.client.get_project(uuid))

    def setup(self, classes: Sequence[str], attributes: Mapping[str, Sequence[str]]) -> list[str]:
        """Create what is missing; return a line for each object that was made or found."""
        title, call = self.options.project, self.retrier.call
        if _is_uuid(title):
            raise PlatformAway(f"review.encord.project is an id ({title}): setup needs a title")
        exists = call("find the project", self._find_project_id) is not None
        dataset, dataset_line = call("make the dataset", self.ensure_dataset)
        folder_line = call("make the folder", self.ensure_folder)
        project_line = f"found project {title!r}"
        if not exists:
            project_line = call(
                "make the project", lambda: self.ensure_project(dataset, classes, attributes)
            )
        call("attach the dataset", lambda: self.attach(dataset))
        ontology_lines = (
            ["added to its ontology"] if self.extend_ontology(classes, attributes) else []
        )
        return [dataset_line, folder_line, project_line, *ontology_lines]

    def extend_ontology(
        self, classes: Sequence[str], attributes: Mapping[str, Sequence[str]]
    ) -> bool:
        """Add to the project's ontology what it lacks; nothing is ever removed.

        Returns:
            True if something was added.

        Raises:
            PlatformAway: the key is not allowed to, or Encord does not answer.
        """

        def extend() -> None:
            ontology = self.client.get_ontology(self.project.ontology_hash)
            if schema.extend(ontology.structure, classes, attributes):
                ontology.save()

        if not schema.extend(self.project.ontology_structure, classes, attributes):
            return False
        try:
            self.retrier.call("add to the ontology", extend)
        except PlatformRefused as error:
            names = ", ".join([*classes, *attributes])
            raise PlatformAway(
                f"{error}; let this key change the ontology of {self.project.title!r}, or add to "
                f"it by hand what of these it lacks: {names}"
            ) from error
        self.call("read the ontology", self.project.refetch_ontology)
        return True

    def ensure_dataset(self) -> tuple[str, str]:
        """Return the hash of the dataset, and a line; create it where it is missing."""
        title = self.options.project
        for match in self.client.get_datasets(title_eq=title):
            return match["dataset"].dataset_hash, f"found dataset {title!r}"
        dataset = self.client.create_dataset(
            title, StorageLocation.CORD_STORAGE, create_backing_folder=False
        )
        return dataset.dataset_hash, f"made dataset {title!r}"

    def ensure_folder(self) -> str:
        """Create the storage folder where it is missing; return a line."""
        title = self.options.project
        if self._find_folder(title):
            return f"found folder {title!r}"
        self.client.create_storage_folder(title)
        return f"made folder {title!r}"

    def ensure_project(
        self, dataset: str, classes: Sequence[str], attributes: Mapping[str, Sequence[str]]
    ) -> str:
        """Create the project, and its ontology, where they are missing; return a line."""
        title = self.options.project
        if self._find_project_id() is not None:
            return f"found project {title!r}"
        matches = list(self.client.get_ontologies(title_eq=title))
        if matches:
            ontology = matches[0]["ontology"]
        else:
            structure = schema.build_structure(classes, attributes)
            ontology = self.client.create_ontology(title, structure=structure)
        self.client.create_project(
            title,
            [dataset],
            ontology_hash=str(ontology.ontology_hash),
            workflow_template_hash=self.options.workflow_template or None,
        )
        return f"made project {title!r} with its ontology"

    def attach(self, dataset: str) -> None:
        """Add a dataset to the project, unless it has it."""
        if dataset not in [str(other.dataset_hash) for other in self.project.list_datasets()]:
            self.project.add_datasets([dataset])

    def call(self, action: str, step: Callable[[], T]) -> T:
        """Take a step with retries; a refusal concerns the whole project.

        Args:
            action: names the step in errors.

        Raises:
            PlatformAway: no answer after all retries, or a refusal.
        """
        try:
            return self.retrier.call(action, step)
        except PlatformRefused as error:
            raise PlatformAway(
                f"{error}; has this key access to {self.options.project!r} on "
                f"{self.options.domain}?"
            ) from error

    def _find_project_id(self) -> str | None:
        """Return the id of the project. Raises PlatformAway where several have the title."""
        title = self.options.project
        if _is_uuid(title):
            return title
        ids = [project.project_hash for project in self.client.list_projects(title_eq=title)]
        if len(ids) > 1:
            raise PlatformAway(
                f"{len(ids)} projects on Encord are called {title!r}: set "
                f"review.encord.project to the id of one: {', '.join(ids)}"
            )
        return ids[0] if ids else None

    def _find_folder(self, title: str) -> StorageFolder | None:
        folders = self.client.find_storage_folders(search=title)
        return next((folder for folder in folders if folder.name == title), None)


def _is_uuid(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return True
