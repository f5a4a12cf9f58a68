# Written by tools/gen.py from the registry. Change the declaration in src/cargo_ai/contract instead.
from collections.abc import Mapping
from os import PathLike
from typing import Any, BinaryIO, Literal

import cargo_ai.contract.content.embedder
import cargo_ai.contract.content.file
import cargo_ai.contract.content.library
import cargo_ai.kernel.wire
import cargo_ai.sdk.frame_types

class EmbedderMethods:
    def get(
        self,
    ) -> cargo_ai.contract.content.embedder.EmbedderReply:
        """Show the embedder, and how many passages have their vectors.
        """
        ...

    def remove(
        self,
        *,
        idempotency_key: str | None = None,
    ) -> cargo_ai.contract.content.embedder.EmbedderReply:
        """Search files by words alone. The vectors are removed.
        """
        ...

    def set(
        self,
        *,
        connector_uuid: str,
        embedding_model_slug: str,
        idempotency_key: str | None = None,
    ) -> cargo_ai.contract.content.embedder.EmbedderReply:
        """Have files found by their meaning as well as by their words: every passage is embedded, in the background.

        connector_uuid: A connector of a service with OpenAI's endpoint /embeddings.
        embedding_model_slug: The model as the service calls it, such as text-embedding-3-small.

        Refused for: connectorNotFound, integrationNotCompatible, embedderFailed
        """
        ...

class FileMethods:
    def get(
        self,
        uuid: str,
    ) -> cargo_ai.contract.content.file.FileReply:
        """Show a file, and whether it can be searched.

        uuid: Its uuid.

        Refused for: fileNotFound
        """
        ...

    def wait(
        self,
        uuid: str,
        *,
        timeout: float | None = None,
    ) -> cargo_ai.contract.content.file.FileReply:
        """Wait until it has ended, and return it as `get` does; Unfinished after `timeout` seconds.

        uuid: Its uuid.

        Refused for: fileNotFound
        """
        ...

    def list(
        self,
        *,
        connector_uuid: str | None = ...,
        kind: Literal['connector', 'native'] | None = ...,
        folder_uuid: str | None = ...,
        library_uuid: str | None = ...,
    ) -> cargo_ai.contract.content.file.FilesReply:
        """List the files that agents can search in, the newest first.

        connector_uuid: Those that came from this connector.
        kind: native: uploaded; connector: read from a service.
        folder_uuid: Those in this folder.
        library_uuid: Those of this library.
        """
        ...

    def read_bytes(
        self,
        uuid: str,
    ) -> cargo_ai.contract.content.file.RawFile:
        """Read a file as it was uploaded.

        uuid: Its uuid.

        Refused for: fileNotFound, tooLarge, filesUnavailable
        """
        ...

    def reindex(
        self,
        uuid: str,
        *,
        idempotency_key: str | None = None,
    ) -> cargo_ai.contract.content.file.FileReply:
        """Read the text of a file again.

        uuid: Its uuid.

        Wait for its end: client.content.file.wait(reply.file.uuid)

        Refused for: fileNotFound
        """
        ...

    def remove(
        self,
        uuid: str,
        *,
        idempotency_key: str | None = None,
    ) -> cargo_ai.kernel.wire.Removed:
        """Remove a file for good; agents do not find it any more.

        uuid: Its uuid.

        Refused for: fileNotFound
        """
        ...

    def update(
        self,
        uuid: str,
        *,
        name: str | None = ...,
        folder_uuid: str | None = ...,
        idempotency_key: str | None = None,
    ) -> cargo_ai.contract.content.file.FileReply:
        """Rename a file, or move it into a folder.

        uuid: The file.
        name: The new name.
        folder_uuid: The folder, of kind file; null: none.

        Refused for: fileNotFound, folderNotFound
        """
        ...

    def upload(
        self,
        file: str | PathLike[str] | bytes | BinaryIO | cargo_ai.sdk.frame_types.Frame,
        *,
        folder_uuid: str | None = ...,
        library_uuid: str | None = ...,
        uuid: str | None = ...,
        name: str | None = None,
        idempotency_key: str | None = None,
    ) -> cargo_ai.contract.content.file.UploadedReply:
        """Upload a file for agents: PDF, DOCX, XLSX, CSV, HTML, Markdown or text. A worker then makes it searchable.

        file: The file; on the command line its path.
        folder_uuid: The folder for it, of kind file.
        library_uuid: The library for it; the workspace's own by default.
        uuid: The file that it replaces; agents that search in it go on with the new one.

        Wait for its end: client.content.file.wait(reply.file.uuid)

        Refused for: noFile, uploadIncomplete, fileTooLarge, filesUnavailable, fileNotFound, folderNotFound, libraryNotFound,
          libraryNotNative
        """
        ...

class LibraryMethods:
    def create(
        self,
        *,
        name: str,
        extractor_slug: str | None = ...,
        config: Mapping[str, Any] = ...,
        connector_uuid: str | None = ...,
        folder_uuid: str | None = ...,
        idempotency_key: str | None = None,
    ) -> cargo_ai.contract.content.library.LibraryReply:
        """Create a library, for uploads or filled with the files of a service, which are read again every hour.

        name: The name.
        extractor_slug: What the service gives: an extractor of it.
        config: The extractor's config.
        connector_uuid: The connector; none for a library of uploads.
        folder_uuid: The folder, of kind file.

        Wait for its end: client.content.library.wait(reply.library.uuid)

        Refused for: connectorNotFound, integrationNotFound, integrationNotCompatible, folderNotFound
        """
        ...

    def get(
        self,
        uuid: str,
    ) -> cargo_ai.contract.content.library.LibraryReply:
        """Show a library.

        uuid: Its uuid.

        Refused for: libraryNotFound
        """
        ...

    def wait(
        self,
        uuid: str,
        *,
        timeout: float | None = None,
    ) -> cargo_ai.contract.content.library.LibraryReply:
        """Wait until it has ended, and return it as `get` does; Unfinished after `timeout` seconds.

        uuid: Its uuid.

        Refused for: libraryNotFound
        """
        ...

    def list(
        self,
        *,
        connector_uuid: str | None = ...,
        kind: Literal['connector', 'native'] | None = ...,
    ) -> cargo_ai.contract.content.library.LibrariesReply:
        """List the libraries of the workspace.

        connector_uuid: Those of this connector.
        kind: native: for uploads; connector: filled from a service.
        """
        ...

    def remove(
        self,
        uuid: str,
        *,
        idempotency_key: str | None = None,
    ) -> cargo_ai.kernel.wire.Removed:
        """Remove a library that has no files; one that a service fills with the files in it.

        uuid: Its uuid.

        Refused for: libraryNotFound, libraryHasFiles
        """
        ...

    def sync(
        self,
        uuid: str,
        *,
        idempotency_key: str | None = None,
    ) -> cargo_ai.contract.content.library.LibraryReply:
        """Read the files of a service into its library now: new and changed ones are indexed, those that are gone are removed.

        uuid: Its uuid.

        Wait for its end: client.content.library.wait(reply.library.uuid)

        Refused for: libraryNotFound, libraryNotOfConnector
        """
        ...

    def update(
        self,
        uuid: str,
        *,
        name: str | None = ...,
        config: Mapping[str, Any] | None = ...,
        folder_uuid: str | None = ...,
        idempotency_key: str | None = None,
    ) -> cargo_ai.contract.content.library.LibraryReply:
        """Rename a library, move it into a folder, or change which files of a service fill it.

        uuid: The library.
        name: The new name.
        config: The extractor's new config.
        folder_uuid: The folder, of kind file; null: none.

        Refused for: libraryNotFound, folderNotFound, integrationNotCompatible
        """
        ...

class ContentDomain:
    @property
    def embedder(self) -> EmbedderMethods:
        ...

    @property
    def file(self) -> FileMethods:
        ...

    @property
    def library(self) -> LibraryMethods:
        ...
