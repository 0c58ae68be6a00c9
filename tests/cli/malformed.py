"""Malformed input of every kind that the command line takes, as hypothesis strategies.

A case is (words of the command line, files to write first). Each is malformed by construction, except for
those of `arbitrary`, which may happen to be sound: then nothing is run, only refused or accepted.
"""

from __future__ import annotations

import functools
import gzip
import io
import json
import zipfile
from typing import Any

import numpy as np
from hypothesis import strategies as st

from jaxsim.experiments import schema
from jaxsim.experiments.registry import families

Case = tuple[list[str], dict[str, bytes]]

TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=12)
NOT_FINITE = st.sampled_from(
    ["nan", "inf", "-inf", "1e999", "NaN", "-Infinity", "[1,NaN]", "1e400,1", "1,inf"]
)
TOO_LARGE = st.sampled_from(["1e39", "-1e300", "1e-300", "[1,1e50]", "9" * 400, str(2**2000)])
NOT_NUMBERS = st.sampled_from(
    ["{}", '{"a":1}', '[1,"a"]', "[null]", "null", "text", "ü", "[[],1,{}]", "[" * 40 + "]" * 40, '"x"',
     "1;2", "0x10", "1e", "--", "[1,2", '{"a":', "٣x", "'1'", "\\u0000"]
)  # fmt: skip
NESTED = st.sampled_from(["[[[[[[[[1]]]]]]]]", "[" * 60 + "1" + "]" * 60, '[{"a":[1]}]'])


@functools.cache
def numeric_keys() -> list[tuple[str, str, str]]:
    """Return (command, what, key) of every key that takes numbers, of systems and of problems."""
    found = []
    for name, card in families().items():
        entries = [("simulate", name, card.system)] if card.system else []
        entries += [("solve", f"{name}.{problem}", entry) for problem, entry in card.problems.items()]
        for command, what, entry in entries:
            kinds = schema.kinds(entry.load())
            found += [
                (command, what, key) for key, kind in kinds.items() if kind.what in ("numbers", "whole")
            ]
    return found


def bad_values() -> st.SearchStrategy[Case]:
    """A key that takes numbers is given something that is none, or none that can be used."""
    value = st.one_of(NOT_FINITE, TOO_LARGE, NOT_NUMBERS.filter(lambda v: v != "null"), NESTED)
    return st.builds(
        lambda key, v: ([key[0], key[1], f"{key[2]}={v}"], {}), st.sampled_from(numeric_keys()), value
    )


def unknown_names() -> st.SearchStrategy[Case]:
    """Names that nothing has: families, keys, policies, problems, experiments, commands, options."""
    odd = TEXTS.map(lambda text: f"q{text}q")
    family = st.sampled_from(sorted(families()))
    return st.one_of(
        st.builds(
            lambda c, n: ([c, n], {}), st.sampled_from(["simulate", "solve", "reproduce", "list"]), odd
        ),
        st.builds(lambda f, k: (["simulate", f, f"zz{k.strip() or 'k'}=1"], {}), family, TEXTS),
        st.builds(lambda f, n: (["simulate", f, "--policy", n], {}), family, odd),
        st.builds(lambda f, n: (["solve", f"{f}.{n}"], {}), family, odd),
        st.builds(lambda f, n: (["reproduce", f"{f}.{n}"], {}), family, odd),
        st.builds(lambda f, n: (["simulate", f, f"--qq{n}"], {}), family, TEXTS),
        odd.map(lambda n: ([n], {})),
    )


def bad_options() -> st.SearchStrategy[Case]:
    """Options of a simulation that are out of range, of the wrong kind, or without a value."""
    numbers = st.one_of(NOT_FINITE, NOT_NUMBERS, NESTED, st.sampled_from(["-1", "0", "", " ", "1e40"]))
    whole = st.one_of(numbers, st.sampled_from(["1.5", "1e-3", "true", "[1]", "2,3"]))
    options = {
        "--horizon": numbers, "--replications": whole, "--most-replications": whole,
        "--precision": numbers.map(lambda v: f"no_metric={v}"),
        "--warmup": st.one_of(NOT_FINITE, NOT_NUMBERS, st.just("-1")),
        "--seed": st.one_of(NOT_FINITE, NOT_NUMBERS, st.sampled_from(["-1", "1.5", str(2**64)])),
        "--memory": st.one_of(NOT_FINITE, NOT_NUMBERS, st.sampled_from(["-1", "0", "5 parsecs"])),
    }  # fmt: skip
    pairs = [value.map(lambda v, o=option: [o, v]) for option, value in options.items()]
    alone = st.sampled_from([[option] for option in options])
    family = st.sampled_from(sorted(families()))
    return st.builds(lambda f, extra: (["simulate", f, *extra], {}), family, st.one_of(*pairs, alone))


def malformed_words() -> st.SearchStrategy[Case]:
    """Words that are not key=value, or that give a key twice."""
    word = st.one_of(
        TEXTS.map(lambda t: "x" + t.replace("=", "")), TEXTS.map(lambda t: "=" + t), st.just("servers=")
    )
    twice = st.sampled_from([["delay=1", "delay=1"], ["seed=1", "--seed", "1"], ["seed=1", "seed=1"]])
    return st.one_of(
        word.map(lambda w: (["simulate", "pooling", "--", w], {})),
        twice.map(lambda words: (["simulate", "balancing", *words], {})),
    )


def bad_configs() -> st.SearchStrategy[Case]:
    """TOML files that are none, nest, repeat keys, or hold values of the wrong kind."""
    texts = st.one_of(
        st.binary(min_size=1, max_size=40).map(lambda b: b"\xff" + b),
        TEXTS.map(lambda t: f"[[{t}".encode()),
        st.sampled_from(
            [b"delay = ", b"delay = 1\ndelay = 2", b"[delay]\nx = 1", b"[a.b.c]\nd = 1", b"delay = nan",
             b"delay = 1979-05-27", b"delay = inf", b"delay = [[[[[[[[1]]]]]]]]", b"delay = {a = 1}",
             b"nodes = 1e400", b"buffer = true", b"x\x00 = 1", b"seed = 07:32:00",
             b"policy = 5", b"replications = [1]", b"a = " + b"[" * 5000, b"delay = 0x"]
        ),
    )  # fmt: skip
    return texts.map(lambda text: (["simulate", "balancing", "--config", "{c.toml}"], {"c.toml": text}))


_ENTITIES = (
    b'<?xml version="1.0"?><!DOCTYPE g [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;">]><graphml>&b;</graphml>'
)
_OUTSIDE = (
    b'<?xml version="1.0"?><!DOCTYPE g [<!ENTITY x SYSTEM "file:///etc/passwd">]><graphml>&x;</graphml>'
)


def bad_graphs() -> st.SearchStrategy[Case]:
    """Graph files that are no graphs, and attacks."""
    words = ["simulate", "balancing", "topology=file"]
    edges = st.one_of(
        st.binary(min_size=1, max_size=30).map(lambda b: b"\xff\xfe" + b),
        st.sampled_from(
            [
                b"",
                b"\n\n",
                b"# nothing",
                b"a",
                b"a b\nc",
                b"a a",
                b"a b\nc d",
                b"a b\n" + b"\x00" * 9,
                b"a " * 9,
            ]
        ),
    )
    xml = st.one_of(
        st.binary(max_size=30), TEXTS.map(lambda t: f"<graphml>{t}".encode()),
        st.sampled_from(
            [_ENTITIES, _OUTSIDE, b"", b"<graphml/>", b"<a><b></a>", b"<" * 2000, b"<a>" * 20000,
             _ENTITIES.decode().encode("utf-16"), b'<?xml version="1.0" encoding="utf-7"?><graphml/>',
             b"<graphml><graph edgedefault='x'/></graphml>", b"<graphml><graph><edge/></graph></graphml>"]
        ),
    )  # fmt: skip
    packed = st.sampled_from([gzip.compress(b"a b\n" * 50_000), gzip.compress(b"\0" * 10_000_000)])
    return st.one_of(
        edges.map(lambda b: ([*words, "path={g.edges}"], {"g.edges": b})),
        xml.map(lambda b: ([*words, "path={g.graphml}"], {"g.graphml": b})),
        packed.map(lambda b: ([*words, "path={g.edges.gz}"], {"g.edges.gz": b})),
        st.just(([*words, "path={.}"], {})),
        TEXTS.map(lambda t: ([*words, f"path=nowhere{t}"], {})),
    )


def bad_tables() -> st.SearchStrategy[Case]:
    """CSV files that hold no numbers, unequal rows, or numbers that cannot be used."""
    texts = st.one_of(
        st.binary(min_size=1, max_size=30).map(lambda b: b"\xff\xfe" + b),
        TEXTS.map(lambda t: f"q{t}".encode()),
        st.sampled_from(
            [b"", b"\n", b"1,2\n3", b"1,,2", b"a,b\n1,2", b"nan", b"1,inf", b"1e99", b"1;2", b"\x00"]
        ),
    )
    return texts.map(lambda b: (["simulate", "balancing", "arrival_rates=@{t.csv}"], {"t.csv": b}))


@functools.cache
def _bomb() -> bytes:
    """An archive of a few kB that holds 8 MB of an array that says it has 80 GB."""
    array, packed = io.BytesIO(), io.BytesIO()
    np.save(array, np.zeros(1_000_000))
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("samples/x.npy", array.getvalue().replace(b"(1000000,), }    ", b"(10000000000,), }"))
    return packed.getvalue()


def bad_folders() -> st.SearchStrategy[Case]:
    """Folders of results and ledgers that are damaged or hostile, for every command that reads one."""
    heads = st.sampled_from(
        [b"", b"{}", b"[]", b"null", b"{", b'{"format": 1}', b'{"format": 99}', b'{"format": []}', b"\xff",
         b'{"format": 1, "estimates": 5}', b"[" * 100_000,
         json.dumps({"format": 1, "estimates": {}}).encode()]
    )  # fmt: skip
    arrays = st.one_of(st.binary(max_size=40), st.just(b""), st.builds(_bomb))
    ledgers = st.one_of(st.binary(max_size=40), heads)
    return st.one_of(
        st.builds(
            lambda c, h, a: ([c, "{.}"], {"result.json": h, "arrays.npz": a}),
            st.sampled_from(["plot", "resume"]), heads, arrays,
        ),
        heads.map(lambda h: (["plot", "{.}"], {"report.json": h})),
        heads.map(lambda h: (["resume", "{.}"], {"job.json": h, "request.json": h})),
        ledgers.map(lambda b: (["verify", "{x.bin}/below"], {"x.bin": b})),
        TEXTS.map(lambda t: (["plot", f"nowhere{t}"], {})),
        TEXTS.map(lambda t: (["verify", f"nowhere{t}"], {})),
    )  # fmt: skip


KINDS: dict[str, Any] = {
    "values": bad_values, "names": unknown_names, "options": bad_options, "words": malformed_words,
    "configs": bad_configs, "graphs": bad_graphs, "tables": bad_tables, "folders": bad_folders,
}  # fmt: skip


def arbitrary() -> st.SearchStrategy[Case]:
    """Any text as the value of any key: sound or not, it must not end in a traceback."""
    value = st.one_of(
        TEXTS, st.floats().map(repr), st.integers().map(str), st.lists(st.floats(), max_size=4).map(str),
        st.recursive(st.integers(-3, 3), lambda inner: st.lists(inner, max_size=3), max_leaves=6).map(str),
    )  # fmt: skip
    keys = [(w, k) for c, w, k in numeric_keys() if c == "simulate"]
    return st.builds(lambda key, v: (["simulate", key[0], f"{key[1]}={v}"], {}), st.sampled_from(keys), value)
