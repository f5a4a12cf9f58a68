"""Datasets: where models live; one of the workspace, and one of each connector."""

from __future__ import annotations

from typing import Literal, Never

from cargo_ai.contract import operations
from cargo_ai.contract.connection.dataset import Dataset
from cargo_ai.kernel.operation import Cli, Operation, refusal
from cargo_ai.kernel.wire import ByUuid, Nothing, Wire


class DatasetReply(Wire):
    """One dataset."""

    dataset: Dataset


class DatasetsReply(Wire):
    """Datasets, the oldest first."""

    datasets: list[Dataset]


all: Operation[Nothing, DatasetsReply, Never] = operations.add(
    Operation(
        "storage.dataset.all",
        "GET",
        "/storage/datasets/list",
        request=Nothing,
        response=DatasetsReply,
        summary="List the datasets that models can be made in.",
        permission="storage:read",
        cli=Cli(examples=("cargo-ai storage dataset list",)),
    )
)

GetReason = Literal["datasetNotFound"]

get: Operation[ByUuid, DatasetReply, GetReason] = operations.add(
    Operation(
        "storage.dataset.get",
        "GET",
        "/storage/datasets/{uuid}",
        request=ByUuid,
        response=DatasetReply,
        summary="Show a dataset.",
        permission="storage:read",
        refusals={"datasetNotFound": refusal(404, "There is no dataset {uuid} in this workspace.")},
        cli=Cli(examples=("cargo-ai storage dataset get 0198c5f0-0000-7000-8000-000000000001",)),
    )
)
