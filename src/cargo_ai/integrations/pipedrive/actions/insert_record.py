"""Insert record: create one."""

from __future__ import annotations

from cargo_ai.integrations.pipedrive.writing import WRITES

ACTION = WRITES.insert_record("Creates a record, such as an activity or a deal. A call that got no answer is not repeated.")
