# Written by tools/gen.py from the registry. Change the declaration in src/cargo_ai/contract instead.
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Literal

import cargo_ai.contract.ai.agent
import cargo_ai.contract.ai.chat
import cargo_ai.contract.ai.document
import cargo_ai.contract.ai.fields
import cargo_ai.contract.ai.mcp_client
import cargo_ai.contract.ai.mcp_server
import cargo_ai.contract.ai.memory
import cargo_ai.contract.ai.message
import cargo_ai.contract.ai.prompt
import cargo_ai.contract.ai.release
import cargo_ai.contract.ai.suggested_action
import cargo_ai.contract.ai.template
import cargo_ai.contract.ai.vote
import cargo_ai.kernel.wire

class AgentMethods:
    def create(
        self,
        *,
        name: str,
        icon: cargo_ai.contract.ai.agent.AgentIcon | Mapping[str, Any] = ...,
        description: str | None = ...,
        triggers: Sequence[cargo_ai.contract.ai.agent.CronTrigger | cargo_ai.contract.ai.agent.HookTrigger | Mapping[str, Any]] | None = ...,
        folder_uuid: str | None = ...,
        language_model_slug: str | None = ...,
        temperature: float | None = ...,
        template_slug: str | None = ...,
        idempotency_key: str | None = None,
    ) -> cargo_ai.contract.ai.agent.AgentReply:
        """Create an agent with an empty draft release.

        name: The name of the agent.
        icon: The icon: a face on a background colour.
        description: What it is for.
        triggers: Schedules that send it a text: [{"type":"cron","name":"Morning","cron":"0 8 * * 1-5","text":"..."}].
        folder_uuid: The folder, of kind agent.
        language_model_slug: The language model of the draft, such as gpt-4.1-mini.
        temperature: The temperature of the draft.
        template_slug: The template that the draft begins with.

        Refused for: folderNotFound, templateNotFound
        """
        ...

    def get(
        self,
        uuid: str,
    ) -> cargo_ai.contract.ai.agent.AgentReply:
        """Show an agent and its deployed release.

        uuid: Its uuid.

        Refused for: agentNotFound
        """
        ...

    def list(
        self,
    ) -> cargo_ai.contract.ai.agent.AgentsReply:
        """List the agents of the workspace.
        """
        ...

    def remove(
        self,
        uuid: str,
        *,
        idempotency_key: str | None = None,
    ) -> cargo_ai.kernel.wire.Removed:
        """Remove an agent; its chats stay readable.

        uuid: Its uuid.

        Refused for: agentNotFound, agentIsUsed
        """
        ...

    def update(
        self,
        uuid: str,
        *,
        name: str | None = ...,
        icon: cargo_ai.contract.ai.agent.ChangedIcon | Mapping[str, Any] | None = ...,
        description: str | None = ...,
        triggers: Sequence[cargo_ai.contract.ai.agent.CronTrigger | cargo_ai.contract.ai.agent.HookTrigger | Mapping[str, Any]] | None = ...,
        folder_uuid: str | None = ...,
        max_tokens_per_day: int | None = ...,
        max_credits_per_day: float | None = ...,
        template: cargo_ai.contract.ai.agent.OfferAsTemplate | Mapping[str, Any] | None = ...,
        idempotency_key: str | None = None,
    ) -> cargo_ai.contract.ai.agent.AgentReply:
        """Rename an agent, move it, or replace its triggers.

        uuid: The agent.
        name: The new name.
        icon: The fields of the icon that change.
        description: What it is for; null removes it.
        triggers: All triggers, in place of the present ones; [] removes them.
        folder_uuid: The folder, of kind agent; null: none.
        max_tokens_per_day: How many tokens it may use in a day (UTC); null: no limit. Beyond it, answers end in error.
        max_credits_per_day: How many credits its tokens may cost in a day (UTC); null: no limit. Beyond it, answers end in error.
        template: Whether it is offered as a template of the workspace.

        Refused for: agentNotFound, folderNotFound, agentIsReadOnly
        """
        ...

class ChatMethods:
    def create(
        self,
        *,
        agent_uuid: str | None = ...,
        release_uuid: str | None = ...,
        name: str | None = ...,
        trigger: cargo_ai.contract.ai.chat.ChatTrigger | Mapping[str, Any] = ...,
        idempotency_key: str | None = None,
    ) -> cargo_ai.contract.ai.chat.ChatReply:
        """Begin a chat with an agent.

        agent_uuid: The agent; without one, messages name a language model.
        release_uuid: The release that answers; by default the one that is deployed.
        name: A name.
        trigger: Where it comes from; {"type":"draft"} talks to the draft release.

        Refused for: agentNotFound, releaseNotFound
        """
        ...

    def get(
        self,
        uuid: str,
    ) -> cargo_ai.contract.ai.chat.ChatReply:
        """Show a chat.

        uuid: Its uuid.

        Refused for: chatNotFound
        """
        ...

    def list(
        self,
        *,
        agent_uuid: str | None = ...,
        release_uuid: str | None = ...,
        user_uuid: str | None = ...,
        trigger_type: Literal['chat', 'connector', 'draft', 'web_extension', 'app', 'workflow', 'schedule'] | None = ...,
        message_statuses: Sequence[Literal['pending', 'generating', 'success', 'error', 'cancelling', 'cancelled']] | None = ...,
        name: str | None = ...,
        created_after: datetime | str | None = ...,
        created_before: datetime | str | None = ...,
        limit: int = ...,
        offset: int = ...,
    ) -> cargo_ai.contract.ai.chat.ChatsReply:
        """List chats, the newest first.

        agent_uuid: Only those with this agent.
        release_uuid: Only those with this release.
        user_uuid: Only those of this user.
        trigger_type: Only those that come from here.
        message_statuses: Only those whose last message has one of these statuses.
        name: Only those whose name contains this.
        created_after: Only those created at or after this time.
        created_before: Only those created before this time.
        limit: How many at most, 1 to 1,000.
        offset: How many to skip.
        """
        ...

    def iterate(
        self,
        *,
        agent_uuid: str | None = ...,
        release_uuid: str | None = ...,
        user_uuid: str | None = ...,
        trigger_type: Literal['chat', 'connector', 'draft', 'web_extension', 'app', 'workflow', 'schedule'] | None = ...,
        message_statuses: Sequence[Literal['pending', 'generating', 'success', 'error', 'cancelling', 'cancelled']] | None = ...,
        name: str | None = ...,
        created_after: datetime | str | None = ...,
        created_before: datetime | str | None = ...,
        page_size: int | None = None,
        max_rows: int | None = None,
    ) -> Iterator[cargo_ai.contract.ai.chat.Chat]:
        """List chats, the newest first. All of them, page after page, or `max_rows`.

        agent_uuid: Only those with this agent.
        release_uuid: Only those with this release.
        user_uuid: Only those of this user.
        trigger_type: Only those that come from here.
        message_statuses: Only those whose last message has one of these statuses.
        name: Only those whose name contains this.
        created_after: Only those created at or after this time.
        created_before: Only those created before this time.
        """
        ...

    def remove(
        self,
        uuid: str,
        *,
        idempotency_key: str | None = None,
    ) -> cargo_ai.kernel.wire.Removed:
        """Remove a chat; an answer that is being written is cancelled.

        uuid: Its uuid.

        Refused for: chatNotFound
        """
        ...

    def update(
        self,
        uuid: str,
        *,
        name: str | None = ...,
        idempotency_key: str | None = None,
    ) -> cargo_ai.contract.ai.chat.ChatReply:
        """Rename a chat.

        uuid: The chat.
        name: The new name; null removes it.

        Refused for: chatNotFound
        """
        ...

class DocumentMethods:
    def create(
        self,
        *,
        uuid: str,
        kind: Literal['text', 'code', 'image', 'sheet'],
        title: str,
        content: str,
        idempotency_key: str | None = None,
    ) -> cargo_ai.contract.ai.document.DocumentReply:
        """Create a document, or a new version of one.

        uuid: A uuid of your choice, or that of a document, which gets a new version.
        kind: text (Markdown), code, image (SVG or a data URL) or sheet (CSV).
        title: Its title.
        content: The whole content.

        Refused for: documentTaken, tooManyVersions
        """
        ...

    def get(
        self,
        uuid: str,
    ) -> cargo_ai.contract.ai.document.DocumentReply:
        """Show the last version of a document.

        uuid: Its uuid.

        Refused for: documentNotFound
        """
        ...

    def list(
        self,
        *,
        uuid: str,
        limit: int = ...,
        offset: int = ...,
    ) -> cargo_ai.contract.ai.document.DocumentsReply:
        """List the versions of a document, the oldest first.

        uuid: The document.
        limit: How many at most, 1 to 1,000.
        offset: How many to skip.
        """
        ...

    def iterate(
        self,
        *,
        uuid: str,
        page_size: int | None = None,
        max_rows: int | None = None,
    ) -> Iterator[cargo_ai.contract.ai.document.Document]:
        """List the versions of a document, the oldest first. All of them, page after page, or `max_rows`.

        uuid: The document.
        """
        ...

    def reset(
        self,
        *,
        uuid: str,
        created_at: datetime | str,
        idempotency_key: str | None = None,
    ) -> cargo_ai.contract.ai.document.DocumentReply:
        """Go back to an earlier version of a document; the later ones are removed.

        uuid: The document.
        created_at: When the version to go back to was created.

        Refused for: documentNotFound
        """
        ...

class McpClientMethods:
    def connect(
        self,
        *,
        mcp_client: cargo_ai.contract.ai.fields.McpClientCustom | cargo_ai.contract.ai.fields.McpClientConnector | Mapping[str, Any] | None = ...,
        name: str | None = ...,
        url: str | None = ...,
        token: str | None = ...,
    ) -> cargo_ai.contract.ai.mcp_client.McpToolsReply:
        """Show the tools of an external MCP server, as agents would see them. Nothing is stored.

        mcp_client: As in a release: {"kind":"custom","name":"docs","url":"https://...","authentication":null}.
        name: A name; the names of its tools begin with it.
        url: The address of the server.
        token: The token that it requires, if any.

        Refused for: failedToConnectMcpClient
        """
        ...

class McpServerMethods:
    def create(
        self,
        *,
        name: str,
        description: str | None = ...,
        actions: Sequence[cargo_ai.contract.ai.fields.ToolAction | cargo_ai.contract.ai.fields.SubAgentAction | cargo_ai.contract.ai.fields.ConnectorAction | cargo_ai.contract.ai.fields.BuiltInAction | Mapping[str, Any]] = ...,
        resources: Sequence[cargo_ai.contract.ai.fields.ModelResource | cargo_ai.contract.ai.fields.FileResource | Mapping[str, Any]] = ...,
        capabilities: Sequence[cargo_ai.contract.ai.fields.Capability | Mapping[str, Any]] = ...,
        folder_uuid: str | None = ...,
        url: str | None = ...,
        idempotency_key: str | None = None,
    ) -> cargo_ai.contract.ai.mcp_server.McpServerReply:
        """Create an MCP server: its actions and resources become tools at an address of its own.

        name: The name of the MCP server.
        description: What it is for: programs that use it read this.
        actions: What its tools do: [{"kind":"tool","slug":"score_lead","toolUuid":"..."}].
        resources: The data that it reads: [{"kind":"model","slug":"companies","modelUuid":"..."}].
        capabilities: What the platform does for it: [{"slug":"documentationSearch"}].
        folder_uuid: The folder, of kind mcpServer.
        url: Accepted for compatibility, without effect.

        Refused for: folderNotFound, failedToReconciliateAgentAiTools
        """
        ...

    def get(
        self,
        uuid: str,
    ) -> cargo_ai.contract.ai.mcp_server.McpServerReply:
        """Show an MCP server and its address.

        uuid: Its uuid.

        Refused for: mcpServerNotFound
        """
        ...

    def list(
        self,
    ) -> cargo_ai.contract.ai.mcp_server.McpServersReply:
        """List the MCP servers of the workspace.
        """
        ...

    def remove(
        self,
        uuid: str,
        *,
        idempotency_key: str | None = None,
    ) -> cargo_ai.kernel.wire.Removed:
        """Remove an MCP server; its address stops answering.

        uuid: Its uuid.

        Refused for: mcpServerNotFound, mcpServerIsReadOnly
        """
        ...

    def update(
        self,
        uuid: str,
        *,
        name: str | None = ...,
        description: str | None = ...,
        actions: Sequence[cargo_ai.contract.ai.fields.ToolAction | cargo_ai.contract.ai.fields.SubAgentAction | cargo_ai.contract.ai.fields.ConnectorAction | cargo_ai.contract.ai.fields.BuiltInAction | Mapping[str, Any]] | None = ...,
        resources: Sequence[cargo_ai.contract.ai.fields.ModelResource | cargo_ai.contract.ai.fields.FileResource | Mapping[str, Any]] | None = ...,
        capabilities: Sequence[cargo_ai.contract.ai.fields.Capability | Mapping[str, Any]] | None = ...,
        folder_uuid: str | None = ...,
        idempotency_key: str | None = None,
    ) -> cargo_ai.contract.ai.mcp_server.McpServerReply:
        """Rename an MCP server, move it, or change what it offers. Programs see the change with their next request.

        uuid: The MCP server.
        name: The new name.
        description: What it is for; null removes it.
        actions: All actions, in place of the present ones.
        resources: All resources, in place of the present ones.
        capabilities: All capabilities, in place of the present ones.
        folder_uuid: The folder, of kind mcpServer; null: none.

        Refused for: mcpServerNotFound, mcpServerIsReadOnly, folderNotFound, failedToReconciliateAgentAiTools
        """
        ...

class MemoryMethods:
    def list(
        self,
        *,
        scope: Literal['workspace', 'user', 'agent'] | None = ...,
        agent_uuid: str | None = ...,
        limit: int = ...,
        offset: int = ...,
    ) -> cargo_ai.contract.ai.memory.MemoriesReply:
        """List what agents have learned: about you, for one agent, or for all.

        scope: user: yours; agent: those of one agent; workspace: those that all agents share. By default agent where an agent is given,
          else user.
        agent_uuid: The agent; required for the scope agent.
        limit: How many at most, 1 to 1,000.
        offset: How many to skip.

        Refused for: agentNotFound
        """
        ...

    def iterate(
        self,
        *,
        scope: Literal['workspace', 'user', 'agent'] | None = ...,
        agent_uuid: str | None = ...,
        page_size: int | None = None,
        max_rows: int | None = None,
    ) -> Iterator[cargo_ai.contract.ai.memory.Memory]:
        """List what agents have learned: about you, for one agent, or for all. All of them, page after page, or `max_rows`.

        scope: user: yours; agent: those of one agent; workspace: those that all agents share. By default agent where an agent is given,
          else user.
        agent_uuid: The agent; required for the scope agent.

        Refused for: agentNotFound
        """
        ...

    def remove(
        self,
        mem0_id: str,
        *,
        scope: Literal['workspace', 'user', 'agent'],
        agent_uuid: str | None = ...,
        idempotency_key: str | None = None,
    ) -> cargo_ai.kernel.wire.Removed:
        """Remove a memory.

        mem0_id: The memory.
        scope: Its scope.
        agent_uuid: The agent; required for the scope agent.

        Refused for: memoryNotFound
        """
        ...

    def update(
        self,
        mem0_id: str,
        *,
        scope: Literal['workspace', 'user', 'agent'],
        content: str,
        agent_uuid: str | None = ...,
        idempotency_key: str | None = None,
    ) -> cargo_ai.contract.ai.memory.MemoryReply:
        """Correct a memory.

        mem0_id: The memory.
        scope: Its scope.
        agent_uuid: The agent; required for the scope agent.
        content: The new text of the memory.

        Refused for: memoryNotFound
        """
        ...

class MessageMethods:
    def cancel(
        self,
        *,
        uuids: Sequence[str],
        idempotency_key: str | None = None,
    ) -> cargo_ai.kernel.wire.Counted:
        """Cancel answers that are being written; what was written stays.

        uuids: The messages.
        """
        ...

    def create(
        self,
        *,
        parts: Sequence[cargo_ai.contract.ai.message.TextPart | cargo_ai.contract.ai.message.FilePart | Mapping[str, Any]],
        chat_uuid: str | None = ...,
        agent_uuid: str | None = ...,
        release_uuid: str | None = ...,
        actions: Sequence[cargo_ai.contract.ai.fields.ToolAction | cargo_ai.contract.ai.fields.SubAgentAction | cargo_ai.contract.ai.fields.ConnectorAction | cargo_ai.contract.ai.fields.BuiltInAction | Mapping[str, Any]] | None = ...,
        resources: Sequence[cargo_ai.contract.ai.fields.ModelResource | cargo_ai.contract.ai.fields.FileResource | Mapping[str, Any]] | None = ...,
        capabilities: Sequence[cargo_ai.contract.ai.fields.Capability | Mapping[str, Any]] | None = ...,
        mcp_clients: Sequence[cargo_ai.contract.ai.fields.McpClientCustom | cargo_ai.contract.ai.fields.McpClientConnector | Mapping[str, Any]] | None = ...,
        system_prompt: str | None = ...,
        with_reasoning: bool | None = ...,
        temperature: float | None = ...,
        max_steps: int | None = ...,
        integration_slug: str | None = ...,
        connector_uuid: str | None = ...,
        language_model_slug: str | None = ...,
        output: cargo_ai.contract.ai.fields.TextOutput | cargo_ai.contract.ai.fields.JsonSchemaOutput | cargo_ai.contract.ai.fields.DefaultOutput | Mapping[str, Any] | None = ...,
        idempotency_key: str | None = None,
    ) -> cargo_ai.contract.ai.message.SentReply:
        """Send a message; the agent's answer is a message of its own, written by a worker.

        chat_uuid: The chat; without one, a new chat begins.
        agent_uuid: The agent of a new chat.
        release_uuid: The release that answers in a new chat.
        parts: The text, and files: [{"type":"text","text":"Who is the
          buyer?"},{"type":"s3File","name":"a.pdf","s3Filename":"…","contentType":"application/pdf"}].
        actions: The actions that may be used.
        resources: What may be read.
        capabilities: What the platform lets it do.
        mcp_clients: MCP servers that may be used.
        system_prompt: The instructions.
        with_reasoning: Whether the language model thinks before it answers.
        temperature: How much the answer may vary.
        max_steps: The most requests to the language model.
        integration_slug: The integration of the language model.
        connector_uuid: Its connector.
        language_model_slug: The language model.
        output: The form of the answer: {"type":"jsonSchema","jsonSchema":{...}}.

        Wait for its end: client.ai.message.wait(reply.assistant_message.uuid)

        Refused for: chatNotFound, lastMessageNotFinished, agentNotFound, releaseNotFound, languageModelMissing, fileNotReadable
        """
        ...

    def get(
        self,
        uuid: str,
    ) -> cargo_ai.contract.ai.message.MessageReply:
        """Show a message: its status, parts and usage.

        uuid: Its uuid.

        Refused for: messageNotFound
        """
        ...

    def wait(
        self,
        uuid: str,
        *,
        timeout: float | None = None,
    ) -> cargo_ai.contract.ai.message.MessageReply:
        """Wait until it has ended, and return it as `get` does; Unfinished after `timeout` seconds.

        uuid: Its uuid.

        Refused for: messageNotFound
        """
        ...

    def list(
        self,
        *,
        chat_uuid: str,
        limit: int = ...,
        offset: int = ...,
    ) -> cargo_ai.contract.ai.message.MessagesReply:
        """List the messages of a chat, the oldest first.

        chat_uuid: The chat.
        limit: How many at most, 1 to 1,000.
        offset: How many to skip.

        Refused for: chatNotFound
        """
        ...

    def iterate(
        self,
        *,
        chat_uuid: str,
        page_size: int | None = None,
        max_rows: int | None = None,
    ) -> Iterator[cargo_ai.contract.ai.message.Message]:
        """List the messages of a chat, the oldest first. All of them, page after page, or `max_rows`.

        chat_uuid: The chat.

        Refused for: chatNotFound
        """
        ...

    def remove(
        self,
        uuid: str,
        *,
        idempotency_key: str | None = None,
    ) -> cargo_ai.kernel.wire.Removed:
        """Remove a message of a user and all that came after it.

        uuid: Its uuid.

        Refused for: messageNotFound, messageNotUser
        """
        ...

    def stream(
        self,
        uuid: str,
    ) -> Iterator[dict[str, Any]]:
        """Watch an answer while it is written, as server-sent events.

        uuid: The answer.

        Refused for: messageNotFound
        """
        ...

class PromptMethods:
    def evaluate(
        self,
        *,
        prompt: str,
        integration_slug: str | None = ...,
        connector_uuid: str | None = ...,
        language_model_slug: str | None = ...,
        actions: Sequence[cargo_ai.contract.ai.fields.ToolAction | cargo_ai.contract.ai.fields.SubAgentAction | cargo_ai.contract.ai.fields.ConnectorAction | cargo_ai.contract.ai.fields.BuiltInAction | Mapping[str, Any]] = ...,
        resources: Sequence[cargo_ai.contract.ai.fields.ModelResource | cargo_ai.contract.ai.fields.FileResource | Mapping[str, Any]] = ...,
        capabilities: Sequence[cargo_ai.contract.ai.fields.Capability | Mapping[str, Any]] = ...,
        rubric: str | None = ...,
        threshold: float = ...,
        idempotency_key: str | None = None,
    ) -> cargo_ai.contract.ai.prompt.EvaluatedReply:
        """Have a language model judge instructions, and check what they may use.

        integration_slug: The integration of the language model, such as openAi.
        connector_uuid: Its connector.
        language_model_slug: The language model.
        prompt: The instructions.
        actions: The actions that it may use.
        resources: What it may read.
        capabilities: What the platform lets it do.
        rubric: What to judge it by; by default what makes good instructions.
        threshold: The score from which it passes.

        Refused for: languageModelMissing, failedToAskLanguageModel
        """
        ...

    def generate_json_schema(
        self,
        *,
        prompt: str,
        integration_slug: str | None = ...,
        connector_uuid: str | None = ...,
        language_model_slug: str | None = ...,
        system_prompt: str | None = ...,
        idempotency_key: str | None = None,
    ) -> cargo_ai.contract.ai.prompt.JsonSchemaReply:
        """Have a language model write the JSON Schema of an answer.

        integration_slug: The integration of the language model, such as openAi.
        connector_uuid: Its connector.
        language_model_slug: The language model.
        prompt: The answer in words: its fields, and what goes into them.
        system_prompt: The instructions of the agent that is to answer by the schema.

        Refused for: languageModelMissing, failedToAskLanguageModel
        """
        ...

    def optimize(
        self,
        *,
        prompt: str,
        integration_slug: str | None = ...,
        connector_uuid: str | None = ...,
        language_model_slug: str | None = ...,
        idempotency_key: str | None = None,
    ) -> cargo_ai.contract.ai.prompt.OptimizedReply:
        """Have a language model improve instructions; nothing is stored.

        integration_slug: The integration of the language model, such as openAi.
        connector_uuid: Its connector.
        language_model_slug: The language model.
        prompt: The instructions as they are.

        Refused for: languageModelMissing, failedToAskLanguageModel
        """
        ...

class ReleaseMethods:
    def deploy_draft(
        self,
        *,
        agent_uuid: str,
        actions: Sequence[cargo_ai.contract.ai.fields.ToolAction | cargo_ai.contract.ai.fields.SubAgentAction | cargo_ai.contract.ai.fields.ConnectorAction | cargo_ai.contract.ai.fields.BuiltInAction | Mapping[str, Any]] | None = ...,
        mcp_clients: Sequence[cargo_ai.contract.ai.fields.McpClientCustom | cargo_ai.contract.ai.fields.McpClientConnector | Mapping[str, Any]] | None = ...,
        resources: Sequence[cargo_ai.contract.ai.fields.ModelResource | cargo_ai.contract.ai.fields.FileResource | Mapping[str, Any]] | None = ...,
        capabilities: Sequence[cargo_ai.contract.ai.fields.Capability | Mapping[str, Any]] | None = ...,
        suggested_actions: Sequence[cargo_ai.contract.ai.fields.SuggestedAction | Mapping[str, Any]] | None = ...,
        system_prompt: str | None = ...,
        with_reasoning: bool | None = ...,
        temperature: float | None = ...,
        max_steps: int | None = ...,
        integration_slug: str | None = ...,
        connector_uuid: str | None = ...,
        language_model_slug: str | None = ...,
        fallback_language_models: Sequence[cargo_ai.contract.ai.fields.LanguageModelChoice | Mapping[str, Any]] | None = ...,
        output: cargo_ai.contract.ai.fields.TextOutput | cargo_ai.contract.ai.fields.JsonSchemaOutput | cargo_ai.contract.ai.fields.DefaultOutput | Mapping[str, Any] | None = ...,
        heartbeat: cargo_ai.contract.ai.fields.Heartbeat | Mapping[str, Any] | None = ...,
        evaluator: cargo_ai.contract.ai.fields.Evaluator | Mapping[str, Any] | None = ...,
        options: cargo_ai.contract.ai.fields.ReconcileOptions | Mapping[str, Any] | None = ...,
        version: str | None = ...,
        description: str | None = ...,
        idempotency_key: str | None = None,
    ) -> cargo_ai.contract.ai.release.ReleaseReply:
        """Deploy an agent's draft: it answers messages from now on.

        agent_uuid: The agent.
        actions: What it may do: [{"slug":"enrich","kind":"tool","toolUuid":"...","description":"Enriches a company"}]; also kinds
          connector and agent.
        mcp_clients: MCP servers that it may use: [{"kind":"custom","name":"crm","url":"https://..."}].
        resources: What it may read: [{"slug":"companies","kind":"model","modelUuid":"..."}].
        capabilities: What the platform lets it do: [{"slug":"memory"}].
        suggested_actions: Texts to begin with: [{"text":"Plan my week"}].
        system_prompt: The instructions: who it is, what it does, and how.
        with_reasoning: Whether the language model thinks before it answers.
        temperature: How much answers vary, from 0 to 1 (some models: 2).
        max_steps: The most requests to the language model for one message.
        integration_slug: The integration of the language model, such as openAi.
        connector_uuid: Its connector; null: the integration's default.
        language_model_slug: The language model; `connection connector get-language-models` lists them.
        fallback_language_models: Fallbacks, in this order, for when the language model is overloaded:
          [{"integrationSlug":"anthropic","languageModelSlug":"claude-sonnet-5"}].
        output: The form of answers: {"type":"jsonSchema","jsonSchema":{...}}.
        heartbeat: The agent is asked again: {"intervalMinutes":60,"maxMessages":5,"prompt":"..."}.
        evaluator: Judges answers: {"rubric":"...","threshold":0.7}.
        options: Connectors for actions that name none: {"connectorUuidsByIntegrationSlug":{"hubspot":"..."}}.
        version: The version, such as 1.2.0, above the last one; the next patch version by default.
        description: Release notes.

        Refused for: agentNotFound, draftReleaseNotFound, failedToReconciliateAgentAiTools, invalidReleaseVersion, invalidConnector,
          agentIsReadOnly
        """
        ...

    def get(
        self,
        uuid: str,
    ) -> cargo_ai.contract.ai.release.ReleaseReply:
        """Show a release of an agent.

        uuid: Its uuid.

        Refused for: releaseNotFound
        """
        ...

    def get_deployed(
        self,
        *,
        agent_uuid: str,
    ) -> cargo_ai.contract.ai.release.ReleaseReply:
        """Show the release of an agent that answers messages.

        agent_uuid: The agent.

        Refused for: agentNotFound, releaseNotFound
        """
        ...

    def get_draft(
        self,
        *,
        agent_uuid: str,
    ) -> cargo_ai.contract.ai.release.ReleaseReply:
        """Show the draft release of an agent.

        agent_uuid: The agent.

        Refused for: agentNotFound
        """
        ...

    def list(
        self,
        *,
        agent_uuid: str | None = ...,
        user_uuid: str | None = ...,
        statuses: Sequence[Literal['draft', 'deployed', 'archived']] | None = ...,
        limit: int = ...,
        offset: int = ...,
    ) -> cargo_ai.contract.ai.release.ReleasesReply:
        """List releases of agents, the newest first.

        agent_uuid: Only those of this agent.
        user_uuid: Only those that this user has saved or deployed.
        statuses: Only those with these statuses.
        limit: How many at most, 1 to 1,000.
        offset: How many to skip.
        """
        ...

    def iterate(
        self,
        *,
        agent_uuid: str | None = ...,
        user_uuid: str | None = ...,
        statuses: Sequence[Literal['draft', 'deployed', 'archived']] | None = ...,
        page_size: int | None = None,
        max_rows: int | None = None,
    ) -> Iterator[cargo_ai.contract.ai.release.AgentRelease]:
        """List releases of agents, the newest first. All of them, page after page, or `max_rows`.

        agent_uuid: Only those of this agent.
        user_uuid: Only those that this user has saved or deployed.
        statuses: Only those with these statuses.
        """
        ...

    def update_draft(
        self,
        *,
        agent_uuid: str,
        actions: Sequence[cargo_ai.contract.ai.fields.ToolAction | cargo_ai.contract.ai.fields.SubAgentAction | cargo_ai.contract.ai.fields.ConnectorAction | cargo_ai.contract.ai.fields.BuiltInAction | Mapping[str, Any]] | None = ...,
        mcp_clients: Sequence[cargo_ai.contract.ai.fields.McpClientCustom | cargo_ai.contract.ai.fields.McpClientConnector | Mapping[str, Any]] | None = ...,
        resources: Sequence[cargo_ai.contract.ai.fields.ModelResource | cargo_ai.contract.ai.fields.FileResource | Mapping[str, Any]] | None = ...,
        capabilities: Sequence[cargo_ai.contract.ai.fields.Capability | Mapping[str, Any]] | None = ...,
        suggested_actions: Sequence[cargo_ai.contract.ai.fields.SuggestedAction | Mapping[str, Any]] | None = ...,
        system_prompt: str | None = ...,
        with_reasoning: bool | None = ...,
        temperature: float | None = ...,
        max_steps: int | None = ...,
        integration_slug: str | None = ...,
        connector_uuid: str | None = ...,
        language_model_slug: str | None = ...,
        fallback_language_models: Sequence[cargo_ai.contract.ai.fields.LanguageModelChoice | Mapping[str, Any]] | None = ...,
        output: cargo_ai.contract.ai.fields.TextOutput | cargo_ai.contract.ai.fields.JsonSchemaOutput | cargo_ai.contract.ai.fields.DefaultOutput | Mapping[str, Any] | None = ...,
        heartbeat: cargo_ai.contract.ai.fields.Heartbeat | Mapping[str, Any] | None = ...,
        evaluator: cargo_ai.contract.ai.fields.Evaluator | Mapping[str, Any] | None = ...,
        options: cargo_ai.contract.ai.fields.ReconcileOptions | Mapping[str, Any] | None = ...,
        parent_uuid: str | None = ...,
        idempotency_key: str | None = None,
    ) -> cargo_ai.contract.ai.release.ReleaseReply:
        """Save parts of an agent's draft release; what is not given stays.

        agent_uuid: The agent.
        actions: What it may do: [{"slug":"enrich","kind":"tool","toolUuid":"...","description":"Enriches a company"}]; also kinds
          connector and agent.
        mcp_clients: MCP servers that it may use: [{"kind":"custom","name":"crm","url":"https://..."}].
        resources: What it may read: [{"slug":"companies","kind":"model","modelUuid":"..."}].
        capabilities: What the platform lets it do: [{"slug":"memory"}].
        suggested_actions: Texts to begin with: [{"text":"Plan my week"}].
        system_prompt: The instructions: who it is, what it does, and how.
        with_reasoning: Whether the language model thinks before it answers.
        temperature: How much answers vary, from 0 to 1 (some models: 2).
        max_steps: The most requests to the language model for one message.
        integration_slug: The integration of the language model, such as openAi.
        connector_uuid: Its connector; null: the integration's default.
        language_model_slug: The language model; `connection connector get-language-models` lists them.
        fallback_language_models: Fallbacks, in this order, for when the language model is overloaded:
          [{"integrationSlug":"anthropic","languageModelSlug":"claude-sonnet-5"}].
        output: The form of answers: {"type":"jsonSchema","jsonSchema":{...}}.
        heartbeat: The agent is asked again: {"intervalMinutes":60,"maxMessages":5,"prompt":"..."}.
        evaluator: Judges answers: {"rubric":"...","threshold":0.7}.
        options: Connectors for actions that name none: {"connectorUuidsByIntegrationSlug":{"hubspot":"..."}}.
        parent_uuid: A release of this agent whose parts are copied into the draft first.

        Refused for: agentNotFound, draftReleaseNotFound, failedToReconciliateAgentAiTools, invalidConnector, invalidParent,
          agentIsReadOnly
        """
        ...

class SuggestedActionMethods:
    def generate(
        self,
        *,
        integration_slug: str | None = ...,
        connector_uuid: str | None = ...,
        language_model_slug: str | None = ...,
        message_uuid: str | None = ...,
        agent_uuid: str | None = ...,
        system_prompt: str | None = ...,
        context_prompt: str | None = ...,
        actions: Sequence[cargo_ai.contract.ai.fields.ToolAction | cargo_ai.contract.ai.fields.SubAgentAction | cargo_ai.contract.ai.fields.ConnectorAction | cargo_ai.contract.ai.fields.BuiltInAction | Mapping[str, Any]] | None = ...,
        resources: Sequence[cargo_ai.contract.ai.fields.ModelResource | cargo_ai.contract.ai.fields.FileResource | Mapping[str, Any]] | None = ...,
        capabilities: Sequence[cargo_ai.contract.ai.fields.Capability | Mapping[str, Any]] | None = ...,
        cache_key: str | None = ...,
        idempotency_key: str | None = None,
    ) -> cargo_ai.contract.ai.suggested_action.SuggestedActionsReply:
        """Have a language model suggest what to say next to an agent.

        integration_slug: The integration of the language model, such as openAi.
        connector_uuid: Its connector.
        language_model_slug: The language model.
        message_uuid: The message that they follow.
        agent_uuid: The agent that they are for; of a message, its own.
        system_prompt: The instructions, in place of the agent's.
        context_prompt: What else is known, such as the page that the user looks at.
        actions: The actions, in place of the agent's.
        resources: What may be read, in place of the agent's.
        capabilities: The capabilities, in place of the agent's.
        cache_key: The same request with this key gets the same reply for an hour.

        Refused for: agentNotFound, messageNotFound, languageModelMissing, failedToAskLanguageModel
        """
        ...

class TemplateMethods:
    def get(
        self,
        slug: str,
    ) -> cargo_ai.contract.ai.template.TemplateReply:
        """Show a template of an agent; `ai agent create --template-slug` makes an agent of it.

        slug: The slug of the template.

        Refused for: templateNotFound
        """
        ...

    def list(
        self,
        *,
        has_documentation: bool | None = ...,
        is_preset: bool | None = ...,
        kinds: Sequence[Literal['agent', 'mcpServer']] | None = ...,
    ) -> cargo_ai.contract.ai.template.TemplatesReply:
        """List the templates of agents.

        has_documentation: true: only templates with documentation; false: only those without.
        is_preset: true: only presets; false: only those of the workspace.
        kinds: Only templates of these kinds.
        """
        ...

class VoteMethods:
    def list(
        self,
        *,
        chat_uuid: str,
        limit: int = ...,
        offset: int = ...,
    ) -> cargo_ai.contract.ai.vote.VotesReply:
        """List the votes about the answers of a chat.

        chat_uuid: The chat.
        limit: How many at most, 1 to 1,000.
        offset: How many to skip.

        Refused for: chatNotFound
        """
        ...

    def iterate(
        self,
        *,
        chat_uuid: str,
        page_size: int | None = None,
        max_rows: int | None = None,
    ) -> Iterator[cargo_ai.contract.ai.vote.Vote]:
        """List the votes about the answers of a chat. All of them, page after page, or `max_rows`.

        chat_uuid: The chat.

        Refused for: chatNotFound
        """
        ...

    def upsert(
        self,
        *,
        chat_uuid: str,
        message_uuid: str,
        is_upvoted: bool,
        idempotency_key: str | None = None,
    ) -> cargo_ai.contract.ai.vote.VoteReply:
        """Vote for or against an answer, or change your vote.

        chat_uuid: The chat.
        message_uuid: The answer.
        is_upvoted: true: it is good; false: it is not.

        Refused for: chatNotFound, messageNotFound, messageNotAssistant
        """
        ...

class AiDomain:
    @property
    def agent(self) -> AgentMethods:
        ...

    @property
    def chat(self) -> ChatMethods:
        ...

    @property
    def document(self) -> DocumentMethods:
        ...

    @property
    def mcp_client(self) -> McpClientMethods:
        ...

    @property
    def mcp_server(self) -> McpServerMethods:
        ...

    @property
    def memory(self) -> MemoryMethods:
        ...

    @property
    def message(self) -> MessageMethods:
        ...

    @property
    def prompt(self) -> PromptMethods:
        ...

    @property
    def release(self) -> ReleaseMethods:
        ...

    @property
    def suggested_action(self) -> SuggestedActionMethods:
        ...

    @property
    def template(self) -> TemplateMethods:
        ...

    @property
    def vote(self) -> VoteMethods:
        ...
