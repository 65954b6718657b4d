"""Where clips go on Encord: a project with its ontology and stages, a dataset, a folder.

They share one title. They are found by it every time, so that nothing here can point astray.
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
from oneclick.platforms.encord.connect import Line, connect
from oneclick.platforms.options import EncordOptions

T = TypeVar("T")


class Place:
    """The project of the settings and what belongs to it, each asked for when it is needed.

    Every property raises PlatformAway where it cannot be had.
    """

    def __init__(self, options: EncordOptions, line: Line) -> None:
        self.options, self.line = options, line

    @cached_property
    def client(self) -> EncordUserClient:
        return connect(self.options)

    @cached_property
    def project(self) -> Project:
        uuid = self.ask("find the project", self._project_id)
        if uuid is None:
            raise PlatformAway(
                f"no project on {self.options.domain} is called {self.options.project!r}: "
                "oneclick review setup makes it, or correct review.encord.project"
            )
        return self.ask("open the project", lambda: self.client.get_project(uuid))

    @cached_property
    def dataset(self) -> Dataset:
        found = self.ask("list datasets", lambda: list(self.project.list_datasets()))
        mine = [one for one in found if one.title == self.project.title] or found
        if len(mine) != 1:
            raise PlatformAway(
                f"project {self.project.title!r} has {len(found)} datasets and none with its own "
                "title: oneclick review setup adds one"
            )
        uuid = str(mine[0].dataset_hash)
        return self.ask(
            "open the dataset", lambda: self.client.get_dataset(uuid, include_data_rows=False)
        )

    @cached_property
    def folder(self) -> StorageFolder:
        found = self.ask("find the folder", self._folder)
        if found is None:
            raise PlatformAway(
                f"no folder on Encord is called {self.project.title!r}: oneclick review setup"
            )
        return found

    @cached_property
    def integration(self) -> str:
        """Id of the cloud integration that reads our bucket."""
        title = self.options.integration
        found = self.ask(
            "find the integration",
            lambda: self.client.get_cloud_integrations(filter_integration_titles=[title]),
        )
        if len(found) != 1:
            raise PlatformAway(
                f"{len(found)} cloud integrations on Encord are called {title!r}: "
                "correct review.encord.integration"
            )
        return found[0].id

    def check(self) -> str:
        """Whether project and stages are as the settings say; a line about them."""
        titles = [stage.title for stage in self.project.workflow.stages]
        for name in ("finished", "hold"):
            wanted = getattr(self.options, name)
            if wanted and wanted not in titles:
                raise PlatformAway(
                    f"project {self.project.title!r} has no stage {wanted!r} (it has "
                    f"{', '.join(titles)}): correct review.encord.{name}"
                )
        return f"project {self.project.title!r} on {self.options.domain}: {', '.join(titles)}"

    def welcome(self) -> None:
        """Ask whether we may still look at the project.

        Raises:
            PlatformAway: if not.
        """
        uuid = self.project.project_hash
        self.ask("open the project", lambda: self.client.get_project(uuid))

    def setup(self, classes: Sequence[str], attributes: Mapping[str, Sequence[str]]) -> list[str]:
        """Make what is missing; a line for each thing made or found."""
        title, ask = self.options.project, self.line.ask
        if _is_id(title):
            raise PlatformAway(f"review.encord.project is an id ({title}): setup needs a title")
        there = ask("find the project", self._project_id) is not None
        dataset, first = ask("make the dataset", self._dataset)
        second = ask("make the folder", self._new_folder)
        third = f"found project {title!r}"
        if not there:
            third = ask("make the project", lambda: self._project(dataset, classes, attributes))
        ask("attach the dataset", lambda: self._attach(dataset))
        grown = ["added to its ontology"] if self.grow(classes, attributes) else []
        return [first, second, third, *grown]

    def grow(self, classes: Sequence[str], attributes: Mapping[str, Sequence[str]]) -> bool:
        """Add to the project's ontology what it lacks; nothing is ever taken away.

        Raises:
            PlatformAway: this key may not, or nobody answers.
        """
        if not schema.grow(self.project.ontology_structure, classes, attributes):
            return False
        try:
            self.line.ask("add to the ontology", lambda: self._grow(classes, attributes))
        except PlatformRefused as error:
            wanted = ", ".join([*classes, *attributes])
            raise PlatformAway(
                f"{error}; let this key change the ontology of {self.project.title!r}, or add to "
                f"it by hand what of these it lacks: {wanted}"
            ) from error
        self.ask("read the ontology", self.project.refetch_ontology)
        return True

    def _grow(self, classes: Sequence[str], attributes: Mapping[str, Sequence[str]]) -> None:
        ontology = self.client.get_ontology(self.project.ontology_hash)
        if schema.grow(ontology.structure, classes, attributes):
            ontology.save()

    def _project_id(self) -> str | None:
        wanted = self.options.project
        if _is_id(wanted):
            return wanted
        found = [one.project_hash for one in self.client.list_projects(title_eq=wanted)]
        if len(found) > 1:
            raise PlatformAway(
                f"{len(found)} projects on Encord are called {wanted!r}: set "
                f"review.encord.project to the id of one: {', '.join(found)}"
            )
        return found[0] if found else None

    def _folder(self) -> StorageFolder | None:
        title = self.project.title
        found = self.client.find_storage_folders(search=title)
        return next((one for one in found if one.name == title), None)

    def _ontology(self, classes: Sequence[str], attributes: Mapping[str, Sequence[str]]) -> str:
        """Of a new project; one that is there keeps its own."""
        title = self.options.project
        for one in self.client.get_ontologies(title_eq=title):
            return str(one["ontology"].ontology_hash)
        structure = schema.structure(classes, attributes)
        return self.client.create_ontology(title, structure=structure).ontology_hash

    def _new_folder(self) -> str:
        title = self.options.project
        if any(one.name == title for one in self.client.find_storage_folders(search=title)):
            return f"found folder {title!r}"
        self.client.create_storage_folder(title)
        return f"made folder {title!r}"

    def _dataset(self) -> tuple[str, str]:
        title = self.options.project
        for one in self.client.get_datasets(title_eq=title):
            return one["dataset"].dataset_hash, f"found dataset {title!r}"
        made = self.client.create_dataset(
            title, StorageLocation.CORD_STORAGE, create_backing_folder=False
        )
        return made.dataset_hash, f"made dataset {title!r}"

    def _project(
        self, dataset: str, classes: Sequence[str], attributes: Mapping[str, Sequence[str]]
    ) -> str:
        title = self.options.project
        if self._project_id() is not None:
            return f"found project {title!r}"
        self.client.create_project(
            title,
            [dataset],
            ontology_hash=self._ontology(classes, attributes),
            workflow_template_hash=self.options.workflow_template or None,
        )
        return f"made project {title!r} with its ontology"

    def _attach(self, dataset: str) -> None:
        if dataset not in [str(one.dataset_hash) for one in self.project.list_datasets()]:
            self.project.add_datasets([dataset])

    def ask(self, what: str, step: Callable[[], T]) -> T:
        """As Line.ask, but a refusal is one of the whole place.

        Raises:
            PlatformAway: no answer, or the answer is no.
        """
        try:
            return self.line.ask(what, step)
        except PlatformRefused as error:
            raise PlatformAway(
                f"{error}; has this key access to {self.options.project!r} on "
                f"{self.options.domain}?"
            ) from error


def _is_id(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return True
