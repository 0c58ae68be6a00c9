"""Every way to change a ledger is found and named, except those that only the kept head can show."""

import hashlib
import json

import pytest

from jaxsim import cli
from jaxsim.core.errors import InvalidInput
from jaxsim.models.pricing import ledger
from jaxsim.models.pricing.catalogue import game
from jaxsim.models.pricing.system import system

LINES = list(ledger.chain({"about": "a test"}, ({"time": n / 4, "prices": [n, 1.5]} for n in range(1, 8))))
HEAD = json.loads(LINES[-1])["hash"]


def faults(lines, head=HEAD):
    return ledger.audit(lines, head).faults


def rehashed(block):
    content = {name: block[name] for name in ("block", "decision", "previous")}
    digest = hashlib.sha256(ledger.canonical(content).encode()).hexdigest()
    return ledger.canonical({**content, "hash": digest})


def test_an_untouched_ledger_holds():
    assert ledger.audit(LINES, HEAD) == ledger.Audit(8, HEAD, ())


@pytest.mark.parametrize("number", range(8))
def test_an_altered_block_is_named(number):
    for old, new in (('"decision"', '"Decision"'), (":", ": "), ('"hash":"', '"hash":"f')):
        changed = [*LINES]
        changed[number] = changed[number].replace(old, new, 1)
        assert changed != LINES
        assert f"block {number}" in faults(changed)[0]


def test_an_altered_block_with_a_new_hash_breaks_the_link_after_it():
    block = json.loads(LINES[3])
    block["decision"]["prices"] = [99, 1.5]
    assert faults([*LINES[:3], rehashed(block), *LINES[4:]]) == (
        "block 4 does not follow the block before it, which was replaced",
    )


def test_deletion_reordering_and_insertion_are_named():
    assert faults([*LINES[:3], *LINES[4:]])[0] == "block 4 stands in the place of block 3"
    assert faults([*LINES[:3], LINES[4], LINES[3], *LINES[5:]])[0] == "block 4 stands in the place of block 3"
    assert faults([*LINES[:3], LINES[2], *LINES[3:]])[0] == "block 2 stands in the place of block 3"
    assert faults(["no block", *LINES[1:]])[0] == "block 0 cannot be read"
    assert faults([]) and faults(["[" * 100_000])


def test_truncation_and_a_chain_computed_anew_show_only_against_the_head():
    forged = list(ledger.chain({"about": "a test"}, ({"time": n / 4, "prices": [0, 0]} for n in range(1, 8))))
    for lines in (LINES[:-1], forged):
        assert faults(lines, None) == ()
        assert "head" in faults(lines)[0]


def test_the_decisions_of_a_replication_fill_a_ledger():
    here = system(users=3)
    about, decided = ledger.record(here, game(here), seed=5, horizon=0.4)
    listed = list(decided)
    assert about["steps"] == len(listed) == 10 and about["policy"] == "Game"
    first = listed[0]
    assert set(first) == {"time", "regime", "workload", "queues", "prices", "rates", "selected"}
    assert first["time"] == 0.04 and first["regime"] == 1 and len(first["selected"]) == 2
    served = [j + 1 for j, rate in enumerate(first["rates"]) if rate > 0]
    assert served == first["selected"]
    assert ledger.audit(ledger.chain(about, listed)).faults == ()
    with pytest.raises(InvalidInput, match="horizon"):
        ledger.record(here, game(here), horizon=-1)


def test_the_events_of_packets_fill_a_ledger():
    here = system(model="queue", users=2, scale=2.0)
    about, decided = ledger.record(here, game(here), seed=5, horizon=1.0)
    listed = list(decided)
    assert about["steps"] == len(listed) > 10 and about["policy"] == "PacketGame"
    times = [row["time"] for row in listed]
    assert times == sorted(times) and 0.3 < times[-1] < 3
    for row in listed:  # an empty queue is never served
        assert row["selected"] == [j + 1 for j, rate in enumerate(row["rates"]) if rate > 0]
        assert all(rate == 0 for rate, held in zip(row["rates"], row["queues"], strict=True) if held == 0)
    assert ledger.audit(ledger.chain(about, listed)).faults == ()


def command(monkeypatch, *words):
    monkeypatch.setattr("sys.argv", ["jaxsim", *map(str, words)])
    monkeypatch.setattr("jaxsim.cli.shared.use_all_cores", lambda: None)  # the tests have started JAX already
    with pytest.raises(SystemExit) as caught:
        cli.main()
    return caught.value.code or 0


def test_the_command_line_verifies_and_names_the_block(monkeypatch, capsys, tmp_path):
    file = tmp_path / "ledger.jsonl"
    words = ("pricing", "--replications", 2, "--horizon", 0.2, "--ledger", file, "--json")
    assert command(monkeypatch, "simulate", *words) == 0
    head = json.loads((tmp_path / "ledger.head.json").read_text())["head"]
    out, err = capsys.readouterr()
    assert head in err and json.loads(out)["ledger"]["head"] == head
    assert command(monkeypatch, "verify", tmp_path) == 0
    lines = file.read_text().splitlines(keepends=True)
    file.write_text("".join(lines[:-1]))
    assert command(monkeypatch, "verify", file) == 3
    file.write_text("".join([*lines[:4], lines[4].replace("regime", "Regime"), *lines[5:]]))
    capsys.readouterr()
    assert command(monkeypatch, "verify", file, "--head", head) == 3
    assert "block 4 was altered" in capsys.readouterr().out
    assert command(monkeypatch, "verify", tmp_path / "none") == 2
    assert command(monkeypatch, "simulate", "pooling", "--horizon", 1, "--ledger", file) == 2
