"""Conformance: accounts: verified, refreshed once, and their secrets seen nowhere."""

from __future__ import annotations

import json
import logging
from contextlib import suppress

import pytest

from cargo_ai.integrations.kit import HIDDEN, Failed, ServiceError, without_secrets
from tests.kit.conformance.fixtures import Fixtures
from tests.kit.conformance.harness import Harness, schema_errors
from tests.kit.peers.echo_service import Say, echo_service

DETAIL = "Detail 4711"


class AccountTests(Fixtures):
    """Accounts."""

    def test_the_account_fits_its_form_and_hides_its_secret(self, harness: Harness) -> None:
        spec = harness.integration.account
        assert schema_errors(spec.schema, harness.account) == []
        assert schema_errors(spec.schema, harness.subject.wrong(harness.simulator)) == []
        assert schema_errors(spec.schema, {**harness.account, "noSuchField": 1}) != []
        if not harness.subject.secret:
            pytest.skip("the account has no secret of its own")
        assert harness.subject.secret in json.dumps(harness.account)
        shown = json.dumps(spec.hidden(harness.account))
        assert harness.subject.secret not in shown and HIDDEN in shown
        assert spec.merged(spec.hidden(harness.account), harness.account) == (harness.account, [])

    async def test_a_right_account_is_verified(self, harness: Harness) -> None:
        verification = harness.integration.account.verification
        if verification is None:
            pytest.skip("the service has no endpoint that proves an account")
        await verification.verify(harness.service())
        assert not harness.subject.over_http or len(harness.control.sent()) == 1

    async def test_a_wrong_account_is_refused_in_the_vendors_words(self, harness: Harness) -> None:
        verification = harness.integration.account.verification
        if verification is None:
            pytest.skip("the service has no endpoint that proves an account")
        harness.account = harness.subject.wrong(harness.simulator)
        with pytest.raises(ServiceError) as refused:
            await verification.verify(harness.service())
        assert refused.value.message.startswith(harness.integration.name) and not refused.value.transient
        assert harness.subject.secret not in refused.value.message

    async def test_refused_credentials_are_refreshed_once_or_fail_at_once(self, harness: Harness) -> None:
        for action, config in harness.actions():
            harness.prepare(action)
            harness.account = harness.subject.wrong(harness.simulator)
            failure = await harness.failed(action, config)
            assert not failure.transient and failure.reason == "unauthorized", action.slug
            statuses = [seen.status for seen in harness.control.sent()]
            assert statuses.count(401) <= (2 if harness.opened().refreshable else 1), f"{action.slug}: {statuses}"
            harness.account = harness.subject.account(harness.simulator)

    async def test_credentials_that_expired_are_refreshed_by_one_call(self, harness: Harness) -> None:
        refresh = harness.subject.refresh
        if refresh is None:
            pytest.skip("the account signs in by a key that does not expire")
        for action, config in harness.actions():
            harness.prepare(action)
            harness.account = harness.subject.account(harness.simulator)
            before = refresh.count(harness.control)
            refresh.expire(harness.control)
            await harness.done(action, config)
            assert refresh.count(harness.control) == before + 1, action.slug

    async def test_secrets_are_in_no_answer_error_or_log(self, harness: Harness, caplog: pytest.LogCaptureFixture) -> None:
        self.needs_http()
        caplog.set_level(logging.DEBUG)
        secret = harness.subject.secret
        for action, config in harness.actions():
            for status in (400, 401, 403, 500):
                harness.prepare(action)
                harness.fail(action, status=status, times=2, body=harness.subject.error(status, f"{DETAIL} of {secret} is wrong."))
                outcome = await harness.act(action, config)
                assert isinstance(outcome, Failed) and secret not in outcome.message, action.slug
                assert DETAIL in outcome.message or status == 401, f"{action.slug}: {outcome.message}"
        assert secret not in caplog.text

    async def test_credentials_that_a_service_sends_back_are_hidden(self, harness: Harness) -> None:
        self.needs_http()
        async with echo_service() as echo:
            elsewhere = harness.at(echo.url)
            credentials = await elsewhere.opened().credentials()
            if credentials.sign is not None:
                pytest.skip("the service is sent signatures, each of which is good for one call")
            sent = {value.rpartition(" ")[2] for value in (*credentials.headers.values(), *credentials.query.values())}
            for action, config in harness.actions():
                with suppress(LookupError, TypeError, ValueError):  # what the echo says need not be what the action expects
                    outcome = without_secrets(await elsewhere.act(action, config), elsewhere.sensitive_texts())
                    assert not [value for value in sent if value in repr(outcome)], f"{action.slug}: {outcome}"
            assert any(value in repr(heard) for heard in echo.heard for value in sent), "the account was not signed in"

    async def test_secrets_do_not_follow_a_redirect_to_another_host(self, harness: Harness) -> None:
        self.needs_http()
        async with echo_service() as elsewhere:
            elsewhere.on("/elsewhere", Say(404))
            for action, config in harness.actions():
                harness.prepare(action)
                harness.fail(action, status=307, headers={"location": f"{elsewhere.url}/elsewhere"})
                await harness.act(action, config)
            assert elsewhere.heard
            for heard in elsewhere.heard:
                assert harness.subject.secret not in f"{heard.headers} {heard.query}", heard.path
