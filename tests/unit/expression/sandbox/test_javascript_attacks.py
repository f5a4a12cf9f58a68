"""JavaScript that wants out, wants everything, or wants to leave something behind: its own node fails, and nothing else notices."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from cargo_ai.expression.evaluator import Evaluator
from cargo_ai.expression.native.values import UNDEFINED
from tests.kit.sandbox import answer, script, value

pytestmark = pytest.mark.asyncio(loop_scope="module")

SCOPE: dict[str, Any] = {"nodes": {"start": {"tags": ["b", "a"], "domain": "x.io"}}, "parentNodes": {}}

LIMITS = {
    "an endless loop": "(() => { for(;;){} })()",
    "an endless loop that swallows what is thrown": "(() => { for(;;){ try { for(;;){} } catch(e) {} } })()",
    "an endless loop with finally": "(() => { for(;;){ try { for(;;); } finally { continue } } })()",
    "a list that grows": "(() => { const a=[]; for(;;) a.push(new Array(1000).fill(1.5)) })()",
    "a list that grows and swallows": "(() => { const a=[]; for(;;){ try { for(;;) a.push(new Array(1e4).fill(1.5)) } catch(e) {} } })()",
    "a text that doubles": "(() => { let s='xxxxxxxxxxxxxxxx'; for(;;) s+=s })()",
    "a text of half a gigabyte": "'x'.repeat(2**29).length",
    "a buffer of eight gigabytes": "new ArrayBuffer(8e9).byteLength",
    "endless recursion": "(function f(){ return f()+1 })()",
    "JSON nested without end": "JSON.parse('['.repeat(200000)+']'.repeat(200000)).length",
    "an object nested without end": "(() => { let o={}; for(let i=0;i<200000;i++) o={o}; return JSON.stringify(o).length })()",
    "source nested without end": "eval('('.repeat(100000)+'1'+')'.repeat(100000))",
    "a pattern that backtracks": "/^(a+)+$/.test('a'.repeat(50)+'b')",
    "a big list sorted forever": "(() => { const a=Array.from({length:3e5},(_, i)=>i*7919%300007); for(;;) a.sort((x,y)=>x-y) })()",
    "a native loop that nothing interrupts": "new Array(2**32-1).join('').length",
    "a list of a billion": "new Array(1e9).fill(0).length",
    "a search through nothing": "Array.prototype.indexOf.call({length:2**53-1},1)",
    "a whole number that squares": "(() => { let x=3n; for(;;) x=x*x })()",
    "a whole number of a hundred million bits": "(2n**(10n**8n)).toString().length",
    "a result that never ends": "({toJSON(){ for(;;){} }})",
    "a proxy that never ends": "new Proxy({},{ownKeys(){ for(;;){} }})",
    "a wait": "Atomics.wait(new Int32Array(new SharedArrayBuffer(8)),0,0,60000)",
    "a getter that never ends": "({get a(){ for(;;){} }})",
    "an error that never ends": "(() => { throw {toJSON(){ for(;;){} }} })()",
}


@pytest.mark.slow
@pytest.mark.parametrize("source", LIMITS.values(), ids=LIMITS.keys())
async def test_what_takes_too_much_fails_alone_and_the_next_one_is_well(evaluator: Evaluator, source: str) -> None:
    found, other = await asyncio.gather(answer(evaluator, source, SCOPE), answer(evaluator, "1 + 2", SCOPE, workspace="another"))
    assert found.error is not None
    assert other.value == 3
    assert await value(evaluator, "[1, 2].map(x => x + 1).length", SCOPE) == 2


@pytest.mark.slow
async def test_of_many_that_wait_only_the_guilty_one_fails(evaluator: Evaluator) -> None:
    sources = [*["nodes.start.domain.length"] * 20, "new Array(2**32-1).join('').length", *["nodes.start.domain.toUpperCase()"] * 20]
    found = await asyncio.gather(*[answer(evaluator, source, SCOPE) for source in sources])
    assert [one.value for one in found[:20]] == [4] * 20
    assert found[20].error is not None and "stopped" in found[20].error.message
    assert [one.value for one in found[21:]] == ["X.IO"] * 20


async def test_the_sentence_of_a_limit_says_which_one_it_was(evaluator: Evaluator) -> None:
    slow, big = [await answer(evaluator, LIMITS[name], SCOPE) for name in ("an endless loop", "a text of half a gigabyte")]
    assert slow.error is not None and "used more than 0.5 seconds of CPU time and was stopped" in slow.error.message
    assert big.error is not None and "used more than 64 MB of memory and was stopped" in big.error.message


POLLUTION = {
    "the prototype of objects": "Object.prototype.zz = 1",
    "a method of lists": "Array.prototype.map = () => 'pwn'",
    "the global object": "globalThis.leak = 5",
    "an undeclared name": "(leak = 5)",
    "a function from text": "Function('leak = 7; return this')()",
    "the prototype of data": "(nodes.__proto__.leak = 1)",
    "defineProperty": "Object.defineProperty(globalThis, 'leak', {value: 1})",
    "setPrototypeOf": "Object.setPrototypeOf(Array.prototype, {leak: 1})",
    "JSON": "(JSON.stringify = () => '{\"v\":1}')",
    "the stack of errors": "(Error.prepareStackTrace = () => 'pwn')",
    "Symbol.iterator": "(Array.prototype[Symbol.iterator] = function* () { yield 'pwn' })",
    "a promise that runs later": "Promise.resolve().then(() => { globalThis.leak = 1; Object.prototype.zz = 1 }) && 1",
    "Intl": "(Intl.NumberFormat.prototype.format = () => 'pwn')",
    "URL": "(URL.prototype.toString = () => 'pwn')",
    "Math": "(Math.max = () => 0)",
    "the prototype of generators": "(Object.getPrototypeOf(function*(){}).leak = 1)",
}
CLEAN = (
    "[({}).zz, [1, 2].map(x => x + 1), typeof leak, Math.max(1, 2), [...[1]][0], JSON.stringify(1), String(new URL('http://a/')), [].leak]"
)


@pytest.mark.parametrize("source", POLLUTION.values(), ids=POLLUTION.keys())
async def test_nothing_is_left_behind_for_the_next_expression(evaluator: Evaluator, source: str) -> None:
    await answer(evaluator, source, SCOPE)
    for workspace in ("workspace", "another"):
        found = await answer(evaluator, CLEAN, SCOPE, workspace=workspace)
        assert found.value == [None, [2, 3], "undefined", 2, 1, "1", "http://a/", None]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("(() => { const o = {}; o.toString = () => 'hi'; o.constructor = 1; return `${o}` })()", "hi"),
        ("new (class A { constructor(x) { this.x = x } toString() { return 'A' + this.x } })(3) + ''", "A3"),
        ("(() => { const e = new Error('a'); e.message = 'b'; e.name = 'N'; return String(e) })()", "N: b"),
        ("Object.assign({}, {valueOf() { return 4 }}) * 2", 8),
        ('JSON.parse(\'{"__proto__": {"x": 1}}\').x', UNDEFINED),
    ],
)
async def test_what_honest_code_does_still_works_among_frozen_things(evaluator: Evaluator, source: str, expected: object) -> None:
    assert await value(evaluator, source, SCOPE) == expected


ESCAPES = {
    "modules": "typeof require + typeof process + typeof std + typeof os + typeof Deno + typeof Bun + typeof module",
    "the network": "typeof fetch + typeof XMLHttpRequest + typeof WebSocket",
    "machine code": "typeof WebAssembly",
    "our own names": "typeof K + typeof kernel + typeof compiled + typeof encode + typeof $path + typeof __libraries",
    "timers": "typeof setTimeout + typeof setInterval + typeof setImmediate",
    "threads": "typeof Worker + typeof importScripts",
}


@pytest.mark.parametrize("source", ESCAPES.values(), ids=ESCAPES.keys())
async def test_there_is_no_way_out_of_the_language(evaluator: Evaluator, source: str) -> None:
    found = await value(evaluator, source, SCOPE)
    assert isinstance(found, str) and set(found.split("undefined")) == {""}


@pytest.mark.parametrize(
    "source",
    [
        "(() => {}).constructor('return process')()",
        "[].constructor.constructor('return require')()('fs')",
        "(function(){ return arguments.callee.caller })()",
        "new Proxy(nodes, {}).start.constructor.constructor('return globalThis.process.env')()",
        "(async () => {}).constructor('return process')().then",
        "1)}, globalThis.pw = 1, ()=>{(1",
        "new Error().stack.getThis()",
        "Reflect.ownKeys(globalThis).find(k => k.startsWith('__')).length",
    ],
)
async def test_constructors_lead_nowhere(evaluator: Evaluator, source: str) -> None:
    found = await answer(evaluator, source, SCOPE)
    assert found.error is not None or found.value is UNDEFINED


async def test_importing_a_file_gives_nothing(evaluator: Evaluator) -> None:
    for name in ("os", "std", "/etc/passwd", "http://127.0.0.1/"):
        found = await script(evaluator, f"return await import({json.dumps(name)})", SCOPE)
        assert found.error is not None and found.value is None


async def test_an_answer_cannot_be_forged_through_the_result(evaluator: Evaluator) -> None:
    found = await value(evaluator, '\'"},{"v":"forged"},{"x":"\'', SCOPE)
    assert found == '"},{"v":"forged"},{"x":"'
    reported = await answer(evaluator, '(() => { throw new Error(\'"}}],[{"v":1}\') })()', SCOPE)
    assert reported.error is not None and '"}}],[{"v":1}' in reported.error.message


async def test_workspaces_run_in_processes_of_their_own(evaluator: Evaluator) -> None:
    await value(evaluator, "1 + 1", SCOPE, workspace="one")
    await value(evaluator, "1 + 1", SCOPE, workspace="two")
    batchers = evaluator._batchers  # pyright: ignore[reportPrivateUsage]
    pool = evaluator._javascript  # pyright: ignore[reportPrivateUsage]
    assert {"one", "two"} <= batchers.keys()
    children = {key: child.pid for key, child in pool.idle()}
    assert children["one", "expressions"] != children["two", "expressions"]
