"""Script nodes: what a script gives, what it cannot do, and what becomes of one that takes too much."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from cargo_ai.expression.evaluator import Evaluator
from tests.kit.sandbox import script

pytestmark = pytest.mark.asyncio(loop_scope="module")

SCOPE: dict[str, Any] = {"nodes": {"start": {"x": 2, "items": [{"a": 1}, {"a": 5}]}}, "parentNodes": {"up": 1}}


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("return nodes.start.x*2", 4),
        ("const d=nodes.start.x; d+1", 3),
        ("const a=nodes.start.items;\nconst big=a.filter(i=>i.a>2);\nreturn big.length", 1),
        ("nodes.start.items.map(i=>i.a)", [1, 5]),
        ("const r=await Promise.resolve(5); return r+1", 6),
        ("async function f(){return 7}\nf()", 7),
        ("function main(){return 1}", None),
        ("let nodes2={...nodes};nodes2", SCOPE["nodes"]),
        ("if(nodes.start.x>1){'big'}else{'small'}", "big"),
        ("x=5; x*2", 10),
        ("return {a:1,b:[undefined,null],d:new Date(0),s:new Set([1]),m:new Map([['k',1]])}", {
            "a": 1, "b": [None, None], "d": "1970-01-01T00:00:00.000Z", "s": [1], "m": {"k": 1},
        }),
        ("({name:nodes.start.x})", {"name": 2}),
        ("// only comment", None),
        ("'use strict'; var q=1; q", 1),
        ("return", None),
        ("for(const i of [1,2,3]) i*2", 6),
        ("const {a,...rest}={a:1,b:2}; return rest", {"b": 2}),
        ("return 1 // c", 1),
        ("parentNodes.up + 1", 2),
        ("return NaN", None),
        ("return 10n ** 20n", "100000000000000000000"),
        ("Array.prototype.mine = 1; return [].mine", 1),
        ("return new Intl.NumberFormat('en-US').format(1234.5)", "1,234.5"),
    ],
)  # fmt: skip
async def test_a_script_gives_what_it_returns_or_its_last_value(evaluator: Evaluator, source: str, expected: object) -> None:
    outcome = await script(evaluator, source, SCOPE)
    assert outcome.error is None and outcome.value == expected


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("const _ = require('lodash'); return _.chunk([1, 2, 3], 2)", [[1, 2], [3]]),
        ("const {groupBy} = require('lodash'); return groupBy(nodes.start.items, 'a')", {"1": [{"a": 1}], "5": [{"a": 5}]}),
        ("const {format, addDays} = require('date-fns'); return format(addDays(new Date(0), 31), 'yyyy-MM-dd EEEE')", "1970-02-01 Sunday"),
        ("return [typeof _, typeof dateFns, typeof window]", ["undefined"] * 3),
    ],
)
async def test_lodash_and_date_fns_can_be_required(evaluator: Evaluator, source: str, expected: object) -> None:
    outcome = await script(evaluator, source + " // require", SCOPE)
    assert outcome.error is None and outcome.value == expected


async def test_what_is_not_there_cannot_be_required(evaluator: Evaluator) -> None:
    outcome = await script(evaluator, "require('fs')", SCOPE)
    assert outcome.error is not None and "Cannot find module 'fs': lodash and date-fns are there" in outcome.error


@pytest.mark.parametrize(
    ("source", "sentence"),
    [
        ("JSON.parse('{bad')", "SyntaxError: "),
        ("throw new Error('boom')", "Error: boom"),
        ("\n\nnodes.q.z", "TypeError: cannot read property 'z' of undefined"),
        ("new Promise(()=>{})", "its promise never settles"),
        ("import fs from 'fs'", "SyntaxError"),
        ("const a = ;", "SyntaxError"),
        ("return 1 +", "SyntaxError"),
        ("throw {code: 7}", 'Error: {"code":7}'),
        ("return (() => { const a = {}; a.a = a; return a })()", "circular"),
    ],
)
async def test_an_error_of_a_script_is_reported_in_its_words(evaluator: Evaluator, source: str, sentence: str) -> None:
    outcome = await script(evaluator, source, SCOPE)
    assert outcome.error is not None and sentence in outcome.error


async def test_a_script_that_fails_is_not_run_twice(evaluator: Evaluator) -> None:
    outcome = await script(evaluator, "console.log('once'); JSON.parse('{bad')", SCOPE)
    assert outcome.log == "once"


async def test_what_a_script_logs_is_kept(evaluator: Evaluator) -> None:
    outcome = await script(evaluator, "console.log('hi', {a: 1}); 3", SCOPE)
    assert (outcome.value, outcome.log) == (3, 'hi {"a":1}')


async def test_a_script_finds_nothing_of_the_one_before(evaluator: Evaluator) -> None:
    await script(evaluator, "leak = 1; Array.prototype.map = () => 'pwn'; JSON.stringify = () => 'pwn'; 1", SCOPE)
    outcome = await script(evaluator, "[typeof leak, [1].map(x => x)]", SCOPE)
    assert outcome.value == ["undefined", [1]]


@pytest.mark.parametrize(
    "source",
    [
        "while(true){}",
        "for(;;){ try { for(;;); } catch(e) {} }",
        "Promise.resolve(1).then(()=>{while(1){}})",
        "(function f(){return Promise.resolve().then(f)})()",
        "const a=[]; for(;;) a.push('x'.repeat(1e6) + a.length)",
        "new Array(2**32-1).join('').length",
        "'x'.repeat(2**29).split('').length",
    ],
)
@pytest.mark.slow
async def test_a_script_that_takes_too_much_fails_and_others_go_on(evaluator: Evaluator, source: str) -> None:
    outcome, other = await asyncio.gather(script(evaluator, source, SCOPE), script(evaluator, "return 1", SCOPE, workspace="another"))
    assert outcome.error is not None and outcome.value is None
    assert other.value == 1
    assert (await script(evaluator, "return 2", SCOPE)).value == 2
