"""Schemathesis against the OpenAPI document: what is described is what is done, for any input it can think of.

`WHEREWITHAL_SCHEMATHESIS=N` asks for N examples an operation instead of a few (`make schemathesis`).
"""

from __future__ import annotations

import os
from pathlib import Path
from tempfile import mkdtemp
from typing import Any
from unittest import mock

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, settings

from tests.app.serve.near import Near
from wherewithal.app.serve import api
from wherewithal.app.serve.settings import Settings

EXAMPLES = int(os.environ.get("WHEREWITHAL_SCHEMATHESIS", "4"))
# The tool starts the lifespan anew for every request, and MCP sessions start once only.
with mock.patch.object(api, "_mcp", return_value=None):
    APP = api.app(
        Near(Path(mkdtemp())), Settings(port=80, names=("testserver",))
    )  # its client names the server without a port
CONFIG = schemathesis.Config.from_dict(
    {
        "checks": {
            # A name that fits its pattern may be in no catalog, and a page of words in no language.
            "positive_data_acceptance": {"expected-statuses": ["2xx", "404", "422"]},
            # The gate judges first: 413 and 415 are answers to bad data too.
            "negative_data_rejection": {"expected-statuses": ["4xx"]},
        }
    }
)
SCHEMA = schemathesis.openapi.from_asgi("/v1/openapi.json", APP, config=CONFIG)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # of the tool and its own libraries
@SCHEMA.parametrize()
@settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
    phases=(Phase.explicit, Phase.generate),
)
def test_what_is_described_is_done(case: Any) -> None:
    case.call_and_validate()
