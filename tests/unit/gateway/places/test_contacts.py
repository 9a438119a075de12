"""The secret table: who is reached where, and that nothing of it is ever told."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path

import pytest

from gateway.places.contacts import Contacts, load_contacts
from gateway.places.model import Registry
from rules.fault import Fault

Load = Callable[..., tuple[Registry, list[Fault]]]

SECRET = "s3cr3t"


@pytest.fixture
def read(tmp_path: Path, load: Load) -> Callable[..., tuple[Contacts, list[Fault]]]:
    registry, _ = load()

    def _read(text: str, mode: int = 0o600) -> tuple[Contacts, list[Fault]]:
        path = tmp_path / "contacts.csv"
        path.write_text(text)
        path.chmod(mode)
        return load_contacts(tmp_path, registry, usable=lambda url: "bad" not in url.get_secret_value())

    return _read


Read = Callable[..., tuple[Contacts, list[Fault]]]


def test_urls_come_in_the_order_of_preference(read: Read) -> None:
    contacts, faults = read(
        f"who,url\nwang,a://{SECRET}1\nli,ab://x\nwang,ab://{SECRET}2\n".replace("a:", "aa:")
    )
    assert faults == []
    assert [url.get_secret_value() for url in contacts.of("wang")] == [f"aa://{SECRET}1", f"ab://{SECRET}2"]
    assert contacts.of("nobody") == ()
    assert ("wang" in contacts, "nobody" in contacts, len(contacts)) == (True, False, 2)


@pytest.mark.parametrize(
    ("who", "door"),
    [
        pytest.param("residents:北家属院/3号楼/2单元", "d1", id="short"),
        pytest.param("residents:西湖社区/北家属院/3号楼/2单元", "d1", id="with-the-community"),
        pytest.param("residents:北家属院", "g1", id="a-gate"),
        pytest.param("residents:南院/1号楼", "d3", id="a-building-with-one-unit"),
    ],
)
def test_residents_are_found_by_their_door(read: Read, load: Load, who: str, door: str) -> None:
    contacts, faults = read(f"who,url\n{who},json://x\n")
    registry, _ = load()
    assert faults == []
    assert len(contacts.of(registry.entrances[door].resident_key)) == 1


def test_two_compounds_of_one_name_need_the_community(tmp_path: Path, load: Load) -> None:
    head = "entrance,name,kind,district,street,community,grid,compound\n"
    registry, _ = load(entrances=head + "a,门,gate,区,街,甲,一,北院\nb,门,gate,区,街,乙,二,北院\n")
    (tmp_path / "contacts.csv").write_text("who,url\nresidents:北院,json://x\nresidents:乙/北院,json://y\n")
    (tmp_path / "contacts.csv").chmod(0o600)
    contacts, faults = load_contacts(tmp_path, registry)
    assert [fault.where for fault in faults] == ["contacts.csv:2:1"]
    assert list(contacts) == ["residents:乙/北院"]


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o666])
def test_what_others_can_read_is_not_used(read: Read, mode: int) -> None:
    contacts, faults = read(f"who,url\nwang,json://{SECRET}\n", mode)
    assert len(contacts) == 0
    assert [(fault.where, fault.mend) for fault in faults] == [
        ("contacts.csv", "Run: chmod 600 contacts.csv")
    ]


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(f"who,url\nwang,{SECRET}\n", id="no-url"),
        pytest.param(f"who,url\nwang,json://bad/{SECRET}\n", id="an-unusable-url"),
        pytest.param(f"who,url\njson://{SECRET},wang\n", id="columns-exchanged"),
        pytest.param(f"wang,json://{SECRET}\n", id="no-header"),
        pytest.param(f'who,url\nwang,"json://{SECRET}\n', id="a-quote-that-never-ends"),
        pytest.param(f"who,url\nwang,json://x,{SECRET}\n", id="too-long"),
        pytest.param(f"who,url,{SECRET}\nwang,json://bad,\n", id="an-unknown-column"),
    ],
)
def test_no_fault_tells_a_secret(read: Read, text: str) -> None:
    contacts, faults = read(text)
    assert faults
    assert all(fault.where.startswith("contacts.csv:") for fault in faults)
    assert SECRET not in str(faults) + repr(faults) + repr(contacts)


def test_no_representation_tells_a_secret(read: Read) -> None:
    contacts, _ = read(f"who,url\nwang,json://{SECRET}\n")
    assert SECRET not in f"{contacts} {contacts!r} {contacts.of('wang')} {contacts.of('wang')[0]!r}"


def test_contacts_reach_a_worker_process_whole(read: Read) -> None:
    contacts, _ = read(f"who,url\nwang,json://{SECRET}\n")
    copy = pickle.loads(pickle.dumps(contacts))  # noqa: S301  # our own bytes
    assert copy.of("wang") == contacts.of("wang")
